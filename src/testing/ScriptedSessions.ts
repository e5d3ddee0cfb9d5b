/**
 * Sessions that follow a script, without a server: for tests of an application, and of the pool itself.
 *
 * Time is the Clock's: a test under `TestClock` decides when a dial ends, a lifetime expires or a caller times out.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { monotonicMillis } from "../services/wire/MonotonicClock.ts"
import type { Listener } from "../services/sql/Listener.ts"
import * as PooledPgClient from "../services/sql/PooledPgClient.ts"
import { SessionOpener } from "../services/session/SessionOpener.ts"
import { SessionConfig, type SettingsInput } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import { SessionPool } from "../services/pool/SessionPool.ts"
import { endpoint } from "./scripted-sessions/Failures.ts"
import type { Script } from "./scripted-sessions/Script.ts"
import { ScriptedServer } from "./scripted-sessions/ScriptedServer.ts"
import type { Statements } from "./scripted-sessions/Statements.ts"

export { type DialFailureClass, refusal, serverError } from "./scripted-sessions/Failures.ts"
export { Dial, type DialOutcome, type Dials, type Script, type SessionScript } from "./scripted-sessions/Script.ts"
export type { ScriptedServer, StatementRun } from "./scripted-sessions/ScriptedServer.ts"
export type { ScriptedSession } from "./scripted-sessions/ScriptedSession.ts"
export type { Answer, Outcome, Rows, Statements } from "./scripted-sessions/Statements.ts"

/** The services that `layerClient` provides. */
export type Provided = PgClient | SqlClient | Listener | SessionPool | SessionConfig | ScriptedSessions

/** The settings of a scripted pool: a host that does not exist, and sessions that are opened on demand. */
const defaults: SettingsInput = {
  host: endpoint.host,
  port: endpoint.port,
  database: endpoint.database,
  connectionType: "direct",
  startup: "lazy"
}

/** The server of the scripted sessions: what it received, and what it does next. */
export class ScriptedSessions extends Context.Service<ScriptedSessions, ScriptedServer>()(
  "effect-supavisor/ScriptedSessions"
) {
  /** Opens scripted sessions and provides their server. A statement that the script does not expect is a defect. */
  static readonly layer = (script: Script = {}): Layer.Layer<ScriptedSessions | SessionOpener> =>
    Layer.effectContext(
      Effect.gen(function* () {
        const server = new ScriptedServer(script, yield* Effect.context<never>(), monotonicMillis(yield* Clock.Clock))
        return Context.make(ScriptedSessions, server).pipe(Context.add(SessionOpener, { endpoint, open: server.dial }))
      })
    )

  /** The real pool over scripted sessions; settings as in code, but `pool.min` defaults to 0. */
  static readonly layerPool = (
    script: Script = {},
    settings: SettingsInput = {}
  ): Layer.Layer<ScriptedSessions | SessionPool | SessionConfig, SessionError> =>
    SessionPool.layerNoDeps.pipe(
      Layer.provideMerge(ScriptedSessions.layer(script)),
      Layer.provideMerge(SessionConfig.layer({ ...defaults, ...settings, pool: { min: 0, ...settings.pool } }))
    )

  /**
   * `PgClient` and `SqlClient` with a table of answers: `layerClient({ "select 1 as one": [{ one: 1 }] })`.
   *
   * Compiler, transactions, notifications and pool are the real ones. Names are not transformed.
   */
  static readonly layerClient = (
    statements: Statements,
    options: { readonly script?: Omit<Script, "statements">; readonly settings?: SettingsInput } = {}
  ): Layer.Layer<Provided, SessionError> =>
    PooledPgClient.layer().pipe(
      Layer.provideMerge(ScriptedSessions.layerPool({ ...options.script, statements }, options.settings))
    )
}
