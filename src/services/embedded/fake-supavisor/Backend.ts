/** One connection to PostgreSQL: it logs in once and then serves one client after another. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Net from "node:net"
import { query } from "./BackendMessages.ts"
import { ascii, Framing } from "./Framing.ts"
import { type PoolerClock, poolerTimes } from "./PoolerClock.ts"
import { databaseUnreachable, type Refusal } from "./Refusal.ts"
import { type BackendFacts, startupMessage, type Upstream, UpstreamLogin } from "./Upstream.ts"

export interface BackendUser {
  /** Bytes of the server, with the number of ReadyForQuery messages that end in them and the status of the last one. */
  readonly onData: (chunk: Buffer, status: number | undefined, readies: number) => void
  /** The server closed the connection, or it broke. */
  readonly onClosed: () => void
}

export interface BackendOptions {
  readonly upstream: Upstream
  readonly database: string
  readonly searchPath: string | undefined
  readonly clock: PoolerClock
}

/** Limit of the reply to a statement of the pooler itself (Supavisor 2.9 source, db_handler.ex). */
const MAX_REPLY_BYTES = 65_536

/** Erlang's spelling of a socket error: ECONNREFUSED becomes :econnrefused. */
const erlangReason = (error: Error): string =>
  `{:error, :${((error as NodeJS.ErrnoException).code ?? "closed").toLowerCase()}}`

export class Backend {
  readonly processId: number
  readonly parameters: ReadonlyMap<string, string>
  readonly #secret: number
  readonly #socket: Net.Socket
  readonly #options: BackendOptions
  readonly #framing = new Framing()
  #user: BackendUser | undefined
  isClosed = false
  /** Fulfilled when the socket has closed. */
  readonly closed: Promise<void>

  private constructor(socket: Net.Socket, facts: BackendFacts, options: BackendOptions) {
    this.processId = facts.processId
    this.parameters = facts.parameters
    this.#secret = facts.secret
    this.#socket = socket
    this.#options = options
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()))
    socket.on("data", (chunk: Buffer) => this.#receive(chunk))
    socket.on("end", () => this.#onClosed())
    socket.on("close", () => this.#onClosed())
  }

  /** Connects and logs in; the result is a ready backend, or the error for the client. */
  static open(options: BackendOptions, done: (result: Backend | Refusal) => void): () => void {
    const { clock, upstream } = options
    const login = new UpstreamLogin(upstream)
    const socket = Net.connect({ host: upstream.host, port: upstream.port, noDelay: true })
    let cancelTimer = clock.afterReal(poolerTimes.upstreamConnect, () =>
      finish(databaseUnreachable("{:error, :timeout}"))
    )
    let finished = false
    const finish = (result: BackendFacts | Refusal) => {
      if (finished) return
      finished = true
      cancelTimer()
      socket.removeAllListeners()
      socket.on("error", () => socket.destroy())
      if ("processId" in result) return done(new Backend(socket, result, options))
      socket.destroy()
      return done(result)
    }
    socket.on("error", (error) => finish(databaseUnreachable(erlangReason(error))))
    socket.on("close", () => finish(databaseUnreachable("{:error, :closed}")))
    socket.on("connect", () => {
      cancelTimer()
      cancelTimer = clock.afterReal(poolerTimes.upstreamLogin, () =>
        finish(databaseUnreachable(`authentication did not complete within ${poolerTimes.upstreamLogin}ms`))
      )
      socket.write(startupMessage(upstream, options.database, options.searchPath))
    })
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const step of login.push(chunk)) {
          if (step instanceof Uint8Array) socket.write(step)
          else finish(step)
        }
      } catch {
        finish(databaseUnreachable("{:error, :protocol_violation}"))
      }
    })
    return () => {
      finished = true
      cancelTimer()
      socket.destroy()
    }
  }

  /** Whether the server is between two messages, so that another message may be inserted. */
  get atBoundary(): boolean {
    return this.#framing.atBoundary
  }

  /** Assigns it to a client; without one its output is discarded. */
  assignTo(user: BackendUser | undefined): void {
    this.#user = user
  }

  /** Writes for the client; false when the client should wait for `onDrain`. */
  write(bytes: Uint8Array): boolean {
    return this.isClosed || this.#socket.write(bytes)
  }

  onDrain(action: () => void): void {
    this.#socket.once("drain", action)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /**
   * Runs a statement of the pooler itself. Its command tag tells its reply from replies that a client left unread; false
   * when it failed, took too long, or had too long a reply.
   */
  run(sql: string, tag: string, done: (ok: boolean) => void): void {
    const parser = PgProtocol.makeParser()
    let bytes = 0
    let completed = false
    let failed = false
    const finish = (ok: boolean) => {
      cancelTimer()
      this.#user = undefined
      done(ok)
    }
    const cancelTimer = this.#options.clock.afterReal(poolerTimes.housekeeping, () => finish(false))
    if (this.isClosed || !this.#framing.atBoundary) return finish(false)
    this.#user = {
      onData: (chunk) => {
        bytes += chunk.length
        if (bytes > MAX_REPLY_BYTES) return finish(false)
        const messages = parser.push(chunk)
        failed ||= messages.some((message) => message._tag === "ErrorResponse")
        completed ||= messages.some((message) => message._tag === "CommandComplete" && message.commandTag === tag)
        if ((failed || completed) && messages.at(-1)?._tag === "ReadyForQuery") finish(!failed)
      },
      onClosed: () => finish(false)
    }
    // The previous client may have disconnected while its socket was paused.
    this.#socket.resume()
    this.#socket.write(query(sql))
  }

  /** Asks PostgreSQL to cancel the running statement; done when the request was taken. */
  cancel(done: () => void): void {
    const { host, port } = this.#options.upstream
    const socket = Net.connect({ host, port, noDelay: true })
    socket.on("connect", () =>
      socket.write(PgProtocol.encodeCancelRequest({ pid: this.processId, secret: this.#secret }))
    )
    socket.on("error", () => socket.destroy())
    socket.on("end", () => socket.end())
    const cancelTimer = this.#options.clock.afterReal(poolerTimes.upstreamConnect, () => socket.destroy())
    socket.on("close", () => {
      cancelTimer()
      done()
    })
  }

  /** Sends Terminate and closes; a statement in flight goes on. */
  close(): void {
    this.#user = undefined
    this.isClosed = true
    if (this.#socket.destroyed) return
    this.#socket.write(PgProtocol.encodeTerminate())
    this.#socket.destroySoon()
  }

  #receive(chunk: Buffer): void {
    let status: number | undefined
    let readies = 0
    this.#framing.push(chunk, (type, first) => {
      if (type !== ascii.ready) return
      status = first
      readies += 1
    })
    this.#user?.onData(chunk, status, readies)
  }

  #onClosed(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#socket.end()
    this.#user?.onClosed()
  }
}
