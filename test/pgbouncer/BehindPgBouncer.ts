/** Shared by the tests behind a PgBouncer: the server, the pool under test, and other clients. */
import { assert, describe, it, layer, type Vitest } from "@effect/vitest"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SettingsInput } from "../../src/services/config/settings/Settings.ts"
import { FaultProxy } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { poolAt, type Stack } from "../PoolHarness.ts"
import { PgBouncer, type PgBouncerSettings, type PgBouncerShape, program } from "./PgBouncer.ts"

/** Set by .ci/run to the programs that CI needs, so that CI skips no test for lack of one. */
const REQUIRED = (process.env["CI_REQUIRE"] ?? "").split(",").includes("pgbouncer")

const MISSING = "pgbouncer is not installed (on Debian: apt-get install pgbouncer)"

/** Tests that share a PostgreSQL and need PgBouncer: skipped with the reason without it, or failed where it is a must. */
export const behindPgBouncer = (name: string, tests: (it: Vitest.MethodsNonLive<TestPostgres>) => void): void => {
  if (program !== undefined) return layer(TestPostgres.layer, { excludeTestServices: true })(name, tests)
  describe(name, () => {
    if (REQUIRED) return it("needs pgbouncer", () => assert.fail(MISSING))
    console.warn(`Skipped "${name}": ${MISSING}`)
    return it.skip(MISSING, () => {})
  })
}

/** A pooler, and a proxy before it that counts the connections of the pool under test. */
export const pooler = (
  settings?: PgBouncerSettings
): Effect.Effect<
  { readonly bouncer: PgBouncerShape; readonly proxy: FaultProxy["Service"] },
  never,
  Scope.Scope | TestPostgres
> =>
  Effect.gen(function* () {
    const bouncer = yield* PgBouncer.make(settings)
    const proxy = yield* Effect.orDie(FaultProxy.make({ target: bouncer }))
    return { bouncer, proxy }
  })

/** A pool behind a pooler. */
export const behind = (
  at: { readonly bouncer: PgBouncerShape; readonly proxy: FaultProxy["Service"] },
  settings: SettingsInput = {}
): Effect.Effect<Omit<Stack, "proxy">, unknown, Scope.Scope> =>
  poolAt({ url: at.proxy.urlThrough(at.bouncer.url), ...settings })

/** Another program's connection to the pooler; it keeps its server connection until it closes. */
export interface OtherClient {
  readonly query: (sql: string) => Effect.Effect<ReadonlyArray<PgConnection.Row>>
  readonly leave: Effect.Effect<void>
}

/** Connects another client that runs one statement at once, so that it holds a server connection in session mode. */
export const otherClient = (
  bouncer: PgBouncerShape,
  firstStatement = "select 1"
): Effect.Effect<OtherClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const connection = yield* Effect.orDie(
      Scope.provide(PgConnection.make({ url: bouncer.url, prepare: false }), scope)
    )
    const query = (sql: string) => Effect.map(Effect.orDie(connection.query(sql)), (result) => result.rows)
    yield* query(firstStatement)
    return { query, leave: Scope.close(scope, Exit.void) }
  })
