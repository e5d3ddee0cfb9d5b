/** A dial from nothing to a proved session, each phase timed and all of it bounded by the connect timeout. */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import type { ConnectionString } from "../config/ConnectionString.ts"
import type { Phase } from "../errors/catalogue/Entry.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { SessionError } from "../errors/SessionError.ts"
import type { Settings } from "../config/settings/Settings.ts"
import type { Session } from "./Session.ts"
import { connectFailure, type Endpoint, open, type Wire } from "../wire/Transport.ts"
import { cancelStream } from "./Cancellation.ts"
import type { DriverOptionsShape } from "./DriverOptions.ts"
import { PgSession, sayGoodbye } from "./PgSession.ts"
import { askBackend, type Backend, SessionModeCheck } from "./SessionModeCheck.ts"
import { fallbackMode } from "../wire/TlsNegotiation.ts"
import { applyStatement, readFacts, settingsOf, unapplied, startupOptions } from "./SessionSettings.ts"

/** Sessions opened by this process so far: their ids are never used twice, whatever pool they belong to. */
let opened = 0

const PEM = "-----BEGIN"

/** The root certificate's text: given as such, or read once from its file. */
const rootCertificate = Effect.fnUntraced(function* (
  config: Settings
): Effect.fn.Return<string | undefined, SessionError> {
  const given = config.ssl.rootCert
  if (given === undefined || given.includes(PEM)) return given
  if (given === "system") return undefined
  // Loaded for those who have a file to read: it takes as long as a tenth of this package.
  const { existsSync, readFileSync } = yield* Effect.promise(() => import("node:fs"))
  return yield* Effect.try({
    try: () => readFileSync(given, "utf8"),
    catch: (cause) =>
      SessionError.configurationInvalid([
        {
          name: "DB_SSL_ROOT_CERT",
          received: given,
          expected: existsSync(given)
            ? `a readable file (${String((cause as NodeJS.ErrnoException).code)})`
            : "the path of an existing PEM file, or the PEM text itself",
          remedy: "Download the certificate from Dashboard > Database settings > SSL configuration"
        }
      ])
  })
})

const withoutConnection = (): SessionError =>
  SessionError.configurationInvalid([
    {
      name: "SUPABASE_SESSION_POOLER",
      received: undefined,
      expected: "a connection string, or an embedded PostgreSQL that has been started",
      example: "postgresql://postgres.<ref>:<password>@aws-N-<region>.pooler.supabase.com:5432/postgres"
    }
  ])

/** Builds the opener of one configuration; fails when the configuration names no server or no readable certificate. */
export const makeOpener = Effect.fnUntraced(function* (config: Settings, driver: DriverOptionsShape) {
  const connection = config.connection
  if (connection === undefined) return yield* withoutConnection()
  const endpoint: Endpoint = {
    host: connection.host,
    port: connection.port,
    family: connection.kind === "session-pooler" || connection.kind === "transaction-pooler" ? 4 : 0,
    tls: { mode: config.ssl.mode, rootCertificate: yield* rootCertificate(config) },
    keepAliveMillis: config.keepAlive === undefined ? undefined : Duration.toMillis(config.keepAlive)
  }
  return {
    endpoint: {
      host: connection.host,
      port: connection.port,
      database: connection.database,
      username: connection.username
    },
    open: openSession({ endpoint, connection, config, driver, proof: new SessionModeCheck(config) })
  }
})

/** What every dial of one opener shares. */
interface Place {
  readonly endpoint: Endpoint
  readonly connection: ConnectionString
  readonly config: Settings
  readonly driver: DriverOptionsShape
  readonly proof: SessionModeCheck
}

const openSession = (place: Place): Effect.Effect<Session, SessionError> =>
  Effect.suspend(() => {
    const { config, endpoint } = place
    return Effect.clockWith((clock) => {
      const now = monotonicMillis(clock)
      const started = now()
      const deadline = started + Duration.toMillis(config.connectTimeout)
      const dial: Dial = { phase: "dns", wire: undefined, deadline }
      const dialWith = (at: Endpoint) => login(dial, { ...place, endpoint: at }, now)
      return dialWith(endpoint).pipe(
        Effect.catch((error) => {
          const mode = fallbackMode(endpoint.tls.mode, error)
          return mode === undefined ? Effect.fail(error) : dialWith({ ...endpoint, tls: { ...endpoint.tls, mode } })
        }),
        Effect.timeoutOrElse({
          duration: config.connectTimeout,
          orElse: () =>
            Effect.fail(connectFailure(endpoint, dial.phase, started, now(), TIMED_OUT, dial.wire?.tap.authenticated))
        })
      )
    })
  })

/** How far a dial has come, for the message of one that ran out of time. */
interface Dial {
  phase: Phase
  wire: Wire | undefined
  /** Monotonic milliseconds when the connect timeout ends. */
  readonly deadline: number
}

/** SQLSTATE of a value that a setting does not take (PostgreSQL docs, Appendix A). */
const INVALID_PARAMETER_VALUE = "22023"

const TIMED_OUT = Object.assign(new Error("The connect timeout ran out"), { code: "ETIMEDOUT" })

/** Authenticates the driver over a wire that stands; closing the scope says Terminate. */
const authenticate = (
  { config, connection, driver, endpoint }: Place,
  wire: Wire,
  scope: Scope.Scope,
  context: Context.Context<never>
): Effect.Effect<PgConnection.PgConnection, SqlError> => {
  let lent = false
  const password = config.passwordProvider ?? connection.password
  return PgConnection.make({
    host: endpoint.host,
    port: endpoint.port,
    username: connection.username,
    database: connection.database,
    ...(password === undefined ? {} : { password: password as Redacted.Redacted }),
    ssl: false,
    stream: () => {
      if (lent) return cancelStream(endpoint, Effect.runForkWith(context))
      lent = true
      return wire.socket
    },
    connectTimeout: Duration.infinity,
    applicationName: config.applicationName,
    startupOptions: startupOptions(connection),
    prepare: config.prepare,
    // The lease is exclusive already; pipelining on it lets an interrupted caller go at once while the session
    // settles, and sends the statements of a reset in one write.
    multiplex: true,
    types: driver.types,
    preparedStatementCacheSize: driver.preparedStatementCacheSize,
    maxMessageSize: driver.maxMessageSize
  }).pipe(Scope.provide(scope))
}

const abandon = (wire: Wire, scope: Scope.Closeable, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.andThen(
    Scope.close(scope, exit),
    Effect.sync(() => wire.socket.destroy())
  )

/** A connection that only asks which backend serves it, for the proof of the mode. */
const askAnother = Effect.fnUntraced(function* (place: Place, tell: (backend: Backend) => void) {
  const wire = yield* open(place.endpoint)
  const context = yield* Effect.context<never>()
  const scope = Scope.makeUnsafe()
  yield* Effect.gen(function* () {
    const connection = yield* authenticate(place, wire, scope, context)
    tell(yield* askBackend(connection))
    yield* sayGoodbye(wire.socket, scope)
  }).pipe(Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : abandon(wire, scope, exit))))
})

const login = Effect.fnUntraced(function* (
  dial: Dial,
  place: Place,
  now: () => number
): Effect.fn.Return<Session, SessionError> {
  const { config, connection, endpoint, proof } = place
  const started = now()
  const wire = yield* open(endpoint, (phase) => {
    dial.phase = phase
  })
  dial.wire = wire
  dial.phase = "authentication"
  const context = yield* Effect.context<never>()
  const scope = Scope.makeUnsafe()
  return yield* Effect.gen(function* () {
    const failing = (cause: unknown) =>
      connectFailure(endpoint, dial.phase, started, now(), wire.tap.fatal ?? cause, wire.tap.authenticated)
    const connected = now()
    const driverConnection = yield* Effect.mapError(authenticate(place, wire, scope, context), failing)
    wire.timings.authentication = now() - connected
    dial.phase = "session"
    const authenticated = now()
    const asked = yield* proof.examine({
      connection: driverConnection,
      keyPid: wire.tap.processId,
      another: (tell) => askAnother(place, tell),
      remainingMillis: dial.deadline - authenticated,
      failing
    })
    const settings = settingsOf(config, connection)
    const { params, sql } = applyStatement(settings)
    const result = yield* Effect.mapError(driverConnection.query(sql, params, false), failing)
    const facts = readFacts(settings, result.rows[0] ?? {})
    const contradiction = proof.contradicts(asked, facts.backendPid)
    if (contradiction !== undefined) return yield* failing(contradiction)
    const refused = unapplied(facts)
    if (refused.length > 0) {
      const list = refused.map(([name, wanted, effective]) => `${name} is ${effective} instead of ${wanted}`).join(", ")
      const serverMessage = `The server did not keep the session's settings: ${list}`
      return yield* failing({ sqlState: INVALID_PARAMETER_VALUE, severity: "ERROR", serverMessage })
    }
    wire.timings.session = now() - authenticated
    return new PgSession({
      info: {
        id: ++opened,
        backendPid: facts.backendPid,
        maxConnections: facts.maxConnections,
        serverVersion: facts.serverVersion,
        address: wire.address,
        encrypted: wire.encrypted,
        timings: wire.timings,
        openedAt: now()
      },
      endpoint,
      wire,
      connection: driverConnection,
      scope,
      settings,
      driver: place.driver,
      named: config.prepare !== false,
      context,
      now
    })
  }).pipe(Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : abandon(wire, scope, exit))))
})
