/** A raw PostgreSQL client that records the server's messages in the format of the transcripts. */
import * as PgAuth from "@effect/sql-pg/PgAuth"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Net from "node:net"
import { query } from "../../../../src/services/embedded/fake-supavisor/BackendMessages.ts"

/** Fields of an error that the transcripts keep, by the codec's names. */
const KEPT = { severity: "S", severityUnlocalized: "V", code: "C", message: "M" } as const

const written = (message: PgProtocol.BackendMessage): string => {
  switch (message._tag) {
    case "AuthenticationSASL":
      return "Authentication 10"
    case "AuthenticationSASLContinue":
      return "Authentication 11"
    case "AuthenticationSASLFinal":
      return "Authentication 12"
    case "AuthenticationOk":
      return "Authentication 0"
    case "ParameterStatus":
      return `ParameterStatus ${message.name}`
    case "ReadyForQuery":
      return `ReadyForQuery ${message.status}`
    case "CommandComplete":
      return `CommandComplete ${message.commandTag}`
    case "NotificationResponse":
      return `NotificationResponse ${message.channel}`
    case "ErrorResponse": {
      const kept = Object.entries(message.fields).flatMap(([name, value]) =>
        name in KEPT ? [`${KEPT[name as keyof typeof KEPT]}=${value}`] : []
      )
      return `ErrorResponse ${kept.join(" ")}`
    }
    default:
      return message._tag
  }
}

const unwrap = <A>(result: Result.Result<A, PgAuth.AuthError>): A => Result.getOrThrow(result)

export class RecordingClient {
  /** What the server sent so far; `FIN` at its end, `RST` for a reset. */
  readonly transcript: Array<string> = []
  /** Milliseconds from the connect to each entry of the transcript. */
  readonly at: Array<number> = []
  readonly parameters = new Map<string, string>()
  readonly rows: Array<ReadonlyArray<string | undefined>> = []
  readonly socket: Net.Socket
  key = { pid: 0, secret: 0 }
  readonly #opened = performance.now()
  readonly #parser = PgProtocol.makeParser()
  readonly #watchers = new Set<() => void>()
  readonly #password: string
  #scram: PgAuth.ScramState | undefined

  constructor(port: number, password: string) {
    this.#password = password
    this.socket = Net.connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true })
    this.socket.on("data", (chunk: Buffer) => this.#parser.pushEach(chunk, (message) => this.#onMessage(message)))
    this.socket.on("end", () => {
      this.#write("FIN")
      this.socket.end()
    })
    this.socket.on("error", () => this.#write("RST"))
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Sends a simple query without waiting for its answer. */
  query(sql: string): void {
    this.send(query(sql))
  }

  /** Waits until the transcript meets the condition. */
  until(wanted: (transcript: ReadonlyArray<string>) => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const check = () => {
        if (!wanted(this.transcript)) return
        this.#watchers.delete(check)
        resume(Effect.void)
      }
      this.#watchers.add(check)
      check()
      return Effect.sync(() => this.#watchers.delete(check))
    })
  }

  /** Waits for the end of an answer, or of the connection. */
  get settled(): Effect.Effect<void> {
    return this.until((transcript) => /^(ReadyForQuery|FIN|RST)/.test(transcript.at(-1) ?? ""))
  }

  get ended(): Effect.Effect<void> {
    return this.until((transcript) => /^(FIN|RST)/.test(transcript.at(-1) ?? ""))
  }

  /** Runs a simple query to its end and returns its rows as texts. */
  run(sql: string): Effect.Effect<ReadonlyArray<ReadonlyArray<string | undefined>>> {
    return Effect.suspend(() => {
      this.rows.length = 0
      const before = this.transcript.length
      this.query(sql)
      return this.until((all) => all.slice(before).some((entry) => /^(ReadyForQuery|FIN|RST)/.test(entry)))
    }).pipe(Effect.map(() => [...this.rows]))
  }

  #onMessage(message: PgProtocol.BackendMessage): void {
    this.#write(written(message))
    switch (message._tag) {
      case "AuthenticationSASL": {
        const { response, state } = unwrap(PgAuth.scramInit({ password: this.#password, nonce: "recorder" }))
        this.#scram = state
        this.send(PgProtocol.encodeSASLInitialResponse({ mechanism: "SCRAM-SHA-256", initialResponse: response }))
        break
      }
      case "AuthenticationSASLContinue": {
        if (this.#scram?._tag !== "ScramFirst") break
        const { response, state } = unwrap(PgAuth.scramContinue(this.#scram, message.data))
        this.#scram = state
        this.send(PgProtocol.encodeSASLResponse({ data: response }))
        break
      }
      case "AuthenticationSASLFinal":
        if (this.#scram?._tag === "ScramFinal") unwrap(PgAuth.scramFinish(this.#scram, message.data))
        break
      case "ParameterStatus":
        this.parameters.set(message.name, message.value)
        break
      case "BackendKeyData":
        this.key = { pid: message.pid, secret: message.secret }
        break
      case "DataRow":
        this.rows.push(
          message.values.map((value) => (value === null ? undefined : Buffer.from(value).toString("utf8")))
        )
        break
      default:
        break
    }
  }

  #write(entry: string): void {
    this.transcript.push(entry)
    this.at.push(performance.now() - this.#opened)
    queueMicrotask(() => {
      for (const check of this.#watchers) check()
    })
  }
}

/** A client that has sent nothing yet, for as long as the scope is open. */
export const open = (port: number, password = "") =>
  Effect.acquireRelease(
    Effect.sync(() => new RecordingClient(port, password)),
    (client) => Effect.sync(() => client.socket.destroy())
  )

/** A client that logs in by a connection string, with further startup parameters, and has been answered. */
export const logIn = Effect.fnUntraced(function* (
  url: Redacted.Redacted<string>,
  startup: Readonly<Record<string, string>> = {}
) {
  const target = new URL(Redacted.value(url))
  const client = yield* open(Number(target.port), decodeURIComponent(target.password))
  const user = decodeURIComponent(target.username)
  client.send(PgProtocol.encodeStartupMessage({ user, database: target.pathname.slice(1), ...startup }))
  yield* client.settled
  return client
})
