/** FakeSupavisor in front of the file's PostgreSQL, for tests. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { FakeSupavisor, type FakeSupavisorOptions } from "../../../../src/services/embedded/FakeSupavisor.ts"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { until } from "../../../PoolHarness.ts"
import { open, type RecordingClient } from "./RecordingClient.ts"
import { greeting } from "./Transcripts.ts"

/** Starts FakeSupavisor in front of the file's server. */
export const startFake = (options: Partial<FakeSupavisorOptions> = {}) =>
  Effect.flatMap(TestPostgres, ({ host, port, server }) =>
    FakeSupavisor.make({
      upstream: { host, port, username: server.username, password: server.password, database: server.database },
      ...options
    })
  )

/** The same connection string with another user name, password or database. */
export const changed = (
  url: Redacted.Redacted<string>,
  parts: { readonly username?: string; readonly password?: string; readonly pathname?: string }
): Redacted.Redacted<string> => Redacted.make(Object.assign(new URL(Redacted.value(url)), parts).href)

const recordedParameters: ReadonlySet<string> = new Set(greeting)

/** A transcript without the parameters that PostgreSQL 15 did not report yet. */
export const shown = ({ transcript }: RecordingClient): ReadonlyArray<string> =>
  transcript.filter((entry) => !entry.startsWith("ParameterStatus") || recordedParameters.has(entry))

/** The last error that a client received, without its other fields. */
export const lastError = ({ transcript }: RecordingClient): string | undefined =>
  transcript
    .findLast((entry) => entry.startsWith("ErrorResponse"))
    ?.replace(/^.*?M=/, "")
    .replace(/ S=.*$/, "")

/** Waits until PostgreSQL has so many backends that run something with this text. */
export const untilRunning = (text: string, expected: number) =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const sql = "select count(*)::int as n from pg_stat_activity where state = 'active' and query like $1 || '%'"
    yield* until(
      `${expected} backends run ${text}`,
      Effect.map(Effect.orDie(postgres.admin(sql, [text])), (rows) => rows[0]?.["n"] === expected)
    )
  })

/** Whether a backend with this pid is still there. */
export const backendLives = (pid: string | undefined) =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const rows = yield* Effect.orDie(
      postgres.admin("select 1 from pg_stat_activity where pid = $1::int", [Number(pid)])
    )
    return rows.length > 0
  })

/** Sends a CancelRequest for a client and waits until the pooler has closed that connection. */
export const cancel = (port: number, key: { readonly pid: number; readonly secret: number }) =>
  Effect.gen(function* () {
    const canceller = yield* open(port)
    canceller.send(PgProtocol.encodeCancelRequest(key))
    yield* canceller.ended
    return canceller
  })
