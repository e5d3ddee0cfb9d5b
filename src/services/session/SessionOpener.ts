/** The service that opens sessions; tests provide one that opens scripted sessions. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionError } from "../errors/SessionError.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { DriverOptions } from "./DriverOptions.ts"
import { makeOpener } from "./OpenSession.ts"
import type { Session, DatabaseEndpoint } from "./Session.ts"

/** Opens sessions, one at a time and each within the connect timeout. */
export class SessionOpener extends Context.Service<
  SessionOpener,
  {
    /** Where sessions are opened, for messages and spans. */
    readonly endpoint: DatabaseEndpoint
    /**
     * Opens one session: DNS, TCP, TLS, authentication, then one round trip that applies and verifies the settings.
     * Fails with the phase that failed. Interrupting it closes what was open.
     */
    readonly open: Effect.Effect<Session, SessionError>
  }
>()("effect-supavisor/SessionOpener") {
  /** Opens sessions with a real server, as the configuration says. */
  static readonly layer: Layer.Layer<SessionOpener, SessionError, SessionConfig> = Layer.effect(
    SessionOpener,
    Effect.gen(function* () {
      const config = yield* SessionConfig
      const driver = yield* DriverOptions
      return yield* makeOpener(config, driver)
    })
  )
}
