/** Opens sessions: dial, login, mode check and settings; each phase is timed, the whole bounded by the connect timeout. */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Tls from "node:tls"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import type { ConnectionString } from "../config/ConnectionString.ts"
import type { Phase } from "../errors/catalogue/Entry.ts"
import { machineClock, monotonicMillis, onMachineClock } from "../wire/MonotonicClock.ts"
import { SessionError } from "../errors/SessionError.ts"
import { type PasswordUnavailable, type Settings, SYSTEM_ROOTS } from "../config/settings/Settings.ts"
import { factsOf } from "../errors/catalogue/FailureFacts.ts"
import { connectFailure, type Endpoint, open, type Wire } from "../wire/Transport.ts"
import { saslPrep } from "../wire/SaslPrep.ts"
import { cancelStream } from "./Cancellation.ts"
import type { DriverOptionsShape } from "./DriverOptions.ts"
import { PgSession, terminate } from "./PgSession.ts"
import { queryBackend, type Backend, SessionModeCheck } from "./SessionModeCheck.ts"
import { TypeCatalogue } from "../wire/query/TypeCatalogue.ts"
import { fallbackMode, type TlsSettings } from "../wire/TlsNegotiation.ts"
import { applyStatement, readFacts, settingsOf, startupOptions, unapplied, unknownSettings } from "./SessionSettings.ts"

/** Sessions opened by this process so far: their ids are never used twice, whatever pool they belong to. */
let opened = 0

const PEM = "-----BEGIN"

/** A PEM text: given as such, or read once from its file. */
const pemText = Effect.fnUntraced(function* (
  given: string | undefined,
  name: "DB_SSL_ROOT_CERT" | "DB_SSL_CERT" | "DB_SSL_KEY",
  remedy = "Check the path and its permissions"
): Effect.fn.Return<string | undefined, SessionError> {
  if (given === undefined || given.includes(PEM)) return given
  // Loaded only when a file has to be read: it takes a tenth of the load time of this package.
  const { existsSync, readFileSync } = yield* Effect.promise(() => import("node:fs"))
  return yield* Effect.try({
    try: () => readFileSync(given, "utf8"),
    catch: (cause) =>
      SessionError.configurationInvalid([
        {
          name,
          // a key without its first line would be taken for a path
          received: name === "DB_SSL_KEY" ? "<redacted>" : given,
          expected: existsSync(given)
            ? `a readable file (${String((cause as NodeJS.ErrnoException).code)})`
            : "the path of an existing PEM file, or the PEM text itself",
          remedy
        }
      ])
  })
})

/** The authorities that Node.js brings along, those of `NODE_EXTRA_CA_CERTS`, and those of the machine. */
const publicRoots = (): string =>
  [...new Set([...Tls.getCACertificates("default"), ...Tls.getCACertificates("system")])].join("\n")

/** The certificates and keys of the settings, read from their files where they are paths. */
const tlsSettings = Effect.fnUntraced(function* ({ ssl }: Settings): Effect.fn.Return<TlsSettings, SessionError> {
  // libpq, too, reads no file that it does not use
  if (ssl.mode === "disable") return { mode: ssl.mode, rootCertificate: undefined }
  const key = ssl.key === undefined ? undefined : Redacted.value(ssl.key)
  return {
    mode: ssl.mode,
    rootCertificate:
      ssl.rootCert === SYSTEM_ROOTS
        ? publicRoots()
        : yield* pemText(
            ssl.rootCert,
            "DB_SSL_ROOT_CERT",
            "Download the certificate from Dashboard > Database settings > SSL configuration"
          ),
    certificate: yield* pemText(ssl.cert, "DB_SSL_CERT"),
    key: yield* pemText(key, "DB_SSL_KEY"),
    passphrase: ssl.passphrase === undefined ? undefined : Redacted.value(ssl.passphrase),
    serverName: ssl.serverName
  }
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

/** The endpoint of a configuration; fails when it names no server or no readable certificate. */
export const makeEndpoint = Effect.fnUntraced(function* (config: Settings): Effect.fn.Return<Endpoint, SessionError> {
  const { connection } = config
  if (connection === undefined) return yield* withoutConnection()
  return {
    host: connection.host,
    port: connection.port,
    family: connection.kind === "session-pooler" || connection.kind === "transaction-pooler" ? 4 : 0,
    tls: yield* tlsSettings(config),
    keepAliveMillis: config.keepAlive === undefined ? undefined : Duration.toMillis(config.keepAlive)
  }
})

/** Builds the opener of one configuration; fails when the configuration names no server or no readable certificate. */
export const makeOpener = Effect.fnUntraced(function* (config: Settings, driver: DriverOptionsShape) {
  const { connection } = config
  if (connection === undefined) return yield* withoutConnection()
  const target: LoginTarget = { endpoint: yield* makeEndpoint(config), connection, config, driver }
  const modeCheck = new SessionModeCheck(config)
  const types = new TypeCatalogue()
  let hasWarned = false
  const warnOnce = (session: PgSession): Effect.Effect<void> => {
    if (!session.isDriverOnly || hasWarned) return Effect.void
    hasWarned = true
    return Effect.logWarning(
      "This version of @effect/sql-pg reads its socket in an unknown way: all statements go through the driver, which " +
        "is slower."
    )
  }
  return {
    endpoint: {
      host: connection.host,
      port: connection.port,
      database: connection.database,
      username: connection.username
    },
    open: Effect.suspend(() => {
      const dial: DialProgress = { phase: "dns", wire: undefined }
      return logIn(dial, target, Duration.toMillis(config.connectTimeout), (login) =>
        Effect.tap(openSession(login, target, { modeCheck, types }), warnOnce)
      )
    })
  }
})

/** Where to log in, and how. */
export interface LoginTarget {
  readonly endpoint: Endpoint
  readonly connection: ConnectionString
  readonly config: Settings
  readonly driver: DriverOptionsShape
  /** Whether the password is sent without SASLprep, to a server that does not use SCRAM. */
  readonly isPasswordRaw?: boolean | undefined
}

/** How far a dial has come, for the message of one that ran out of time. */
export interface DialProgress {
  phase: Phase
  /** Whether SASLprep changed the password. */
  isPasswordPrepared?: boolean
  wire: Wire | undefined
}

/** A connection that is logged in; the session's settings are not applied yet. */
export interface LoggedIn {
  readonly connection: PgConnection.PgConnection
  /** As dialled: its sslmode is the one that `allow` or `prefer` fell back to. */
  readonly endpoint: Endpoint
  readonly wire: Wire
  readonly isPasswordRaw: boolean | undefined
  /** Closing it writes Terminate. */
  readonly scope: Scope.Closeable
  readonly context: Context.Context<never>
  /** Milliseconds left of the limit. */
  readonly remainingMillis: number
  /** Builds the error of a failure after the login: the server's FATAL if it sent one. */
  readonly failing: (cause: unknown) => SessionError
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/**
 * Connects, negotiates TLS, logs in and runs `setUp`, all of it within the limit; `allow` and `prefer` dial twice. What
 * was opened is closed again when it fails.
 */
export const logIn = <A>(
  dial: DialProgress,
  target: LoginTarget,
  limitMillis: number,
  setUp: (login: LoggedIn) => Effect.Effect<A, SessionError>
): Effect.Effect<A, SessionError> =>
  Effect.suspend(() => {
    const { endpoint } = target
    const now = monotonicMillis(machineClock)
    const started = now()
    const dialWith = (at: Endpoint) => dialOnce(dial, { ...target, endpoint: at }, started + limitMillis, now, setUp)
    return dialWith(endpoint).pipe(
      Effect.catch((error) => {
        // The driver takes the password before it knows the method; MD5 and clear text use the password as it is.
        if (dial.isPasswordPrepared === true && isWithoutScram(dial.wire)) {
          return dialOnce(dial, { ...target, isPasswordRaw: true }, started + limitMillis, now, setUp)
        }
        const mode = fallbackMode(endpoint.tls.mode, error)
        return mode === undefined ? Effect.fail(error) : dialWith({ ...endpoint, tls: { ...endpoint.tls, mode } })
      }),
      Effect.timeoutOrElse({
        duration: limitMillis,
        orElse: () => {
          const timedOut = Object.assign(new Error(`no answer within ${limitMillis} ms`), { code: "ETIMEDOUT" })
          const { phase, wire } = dial
          return Effect.fail(connectFailure(endpoint, phase, started, now(), timedOut, wire?.tap.authenticated))
        }
      })
    )
  }).pipe(onMachineClock)

const dialOnce = Effect.fnUntraced(function* <A>(
  dial: DialProgress,
  target: LoginTarget,
  deadline: number,
  now: () => number,
  setUp: (login: LoggedIn) => Effect.Effect<A, SessionError>
): Effect.fn.Return<A, SessionError> {
  const { endpoint } = target
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
    const connection = yield* Effect.mapError(authenticate(target, wire, scope, context, dial), failing)
    const authenticated = now()
    wire.timings.authentication = authenticated - connected
    dial.phase = "session"
    const remainingMillis = deadline - authenticated
    const result = yield* setUp({
      connection,
      endpoint,
      isPasswordRaw: target.isPasswordRaw,
      wire,
      scope,
      context,
      remainingMillis,
      failing,
      now
    })
    wire.timings.session = now() - authenticated
    return result
  }).pipe(Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : discard(wire, scope, exit))))
})

/** AuthenticationCleartextPassword and AuthenticationMD5Password (PostgreSQL docs, "Message Formats"). */
const methodsWithoutScram: ReadonlySet<number | undefined> = new Set([3, 5])

const isWithoutScram = (wire: Wire | undefined): boolean =>
  methodsWithoutScram.has(wire?.tap.authenticationMethod) && wire?.tap.authenticated === false

/** The same value when SASLprep does not change it. */
const preparedPassword = (given: Redacted.Redacted<string>): Redacted.Redacted<string> => {
  const prepared = saslPrep(Redacted.value(given))
  return prepared === Redacted.value(given) ? given : Redacted.make(prepared)
}

/** SQLSTATE of a value that a setting does not take (PostgreSQL docs, Appendix A). */
const INVALID_PARAMETER_VALUE = "22023"

/** Authenticates the driver on a connected socket; closing the scope writes Terminate. */
const authenticate = Effect.fnUntraced(function* (
  target: LoginTarget,
  wire: Wire,
  scope: Scope.Scope,
  context: Context.Context<never>,
  dial?: DialProgress
): Effect.fn.Return<PgConnection.PgConnection, SqlError | PasswordUnavailable> {
  const { config, connection, driver, endpoint } = target
  let isWireUsed = false
  const given = yield* config.passwordProvider ?? Effect.succeed(connection.password)
  const password = given === undefined || target.isPasswordRaw === true ? given : preparedPassword(given)
  if (dial !== undefined) dial.isPasswordPrepared = password !== given
  return yield* PgConnection.make({
    host: endpoint.host,
    port: endpoint.port,
    username: connection.username,
    database: connection.database,
    ...(password === undefined ? {} : { password }),
    ssl: false,
    stream: () => {
      if (isWireUsed) return cancelStream(endpoint, Effect.runForkWith(context))
      isWireUsed = true
      return wire.socket
    },
    connectTimeout: Duration.infinity,
    applicationName: config.applicationName,
    startupOptions: startupOptions(connection),
    prepare: config.prepare,
    // A session is leased exclusively, but with pipelining an interrupted caller returns at once while the session is
    // cleaned up, and the statements of a reset share one write.
    multiplex: true,
    types: driver.types,
    preparedStatementCacheSize: driver.preparedStatementCacheSize,
    maxMessageSize: driver.maxMessageSize
  }).pipe(Scope.provide(scope))
})

const discard = (wire: Wire, scope: Scope.Closeable, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.andThen(
    Scope.close(scope, exit),
    Effect.sync(() => wire.socket.destroy())
  )

/** A connection that only queries which backend serves it, for the mode check. */
const queryAnother = Effect.fnUntraced(function* (target: LoginTarget, onBackend: (backend: Backend) => void) {
  const wire = yield* open(target.endpoint)
  const context = yield* Effect.context<never>()
  const scope = Scope.makeUnsafe()
  yield* Effect.gen(function* () {
    const connection = yield* authenticate(target, wire, scope, context)
    onBackend(yield* queryBackend(connection))
    yield* terminate(wire.socket, scope)
  }).pipe(Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : discard(wire, scope, exit))))
})

/** Checks the session mode, then applies and verifies the session's settings. */
const openSession = Effect.fnUntraced(function* (
  { connection, context, endpoint, failing, isPasswordRaw, now, remainingMillis, scope, wire }: LoggedIn,
  target: LoginTarget,
  { modeCheck, types }: { readonly modeCheck: SessionModeCheck; readonly types: TypeCatalogue }
): Effect.fn.Return<PgSession, SessionError> {
  const { config, driver } = target
  const backend = yield* modeCheck.check({
    connection,
    keyPid: wire.tap.processId,
    queryAnother: (onBackend) => queryAnother({ ...target, endpoint, isPasswordRaw }, onBackend),
    remainingMillis,
    failing
  })
  const settings = settingsOf(config, target.connection)
  const { params, sql } = applyStatement(settings)
  const result = yield* Effect.mapError(connection.query(sql, params, false), (error) => {
    const unknown = unknownSettings(settings, factsOf(error))
    return unknown.length === 0 ? failing(error) : SessionError.configurationInvalid(unknown)
  })
  const facts = readFacts(settings, result.rows[0] ?? {})
  const contradiction = modeCheck.contradiction(backend, facts.backendPid)
  if (contradiction !== undefined) return yield* failing(contradiction)
  const notApplied = unapplied(facts)
  if (notApplied.length > 0) {
    const list = notApplied
      .map(({ effective, name, wanted }) => `${name} is ${effective} instead of ${wanted}`)
      .join(", ")
    const serverMessage = `The server did not keep the session's settings: ${list}`
    return yield* failing({ sqlState: INVALID_PARAMETER_VALUE, severity: "ERROR", serverMessage })
  }
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
    connection,
    types,
    scope,
    settings,
    driver,
    named: config.prepare !== false,
    context,
    now
  })
})
