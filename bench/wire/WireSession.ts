/** One session of the benchmark's own client: it only writes to the socket and reads from it. */
import { connect, type OnReadOpts, type Socket } from "node:net"
import type { Row, Rows } from "../Operation.ts"
import { type Column, columnsOf, rowOf } from "./Columns.ts"
import { saslInitial, saslResponse, startup, type Statement, terminate } from "./Frames.ts"
import { Scram } from "./Scram.ts"

/** One execution, with the callbacks for its rows. */
export interface Job {
  readonly statement: Statement
  readonly values: ReadonlyArray<string>
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: Error) => void
}

/** A socket's read options in place of Node.js's default; the socket still emits `data`. */
export type Reading = (socket: () => Socket) => OnReadOpts

const HEADER_BYTES = 5

const NONE: ReadonlyArray<Column> = []

/** Code of an Authentication message (PostgreSQL docs, "Message Formats"). */
const AUTHENTICATION = { ok: 0, sasl: 10, saslContinue: 11, saslFinal: 12 } as const

const errorOf = (bytes: Buffer): Error => {
  const fields = bytes.toString("utf8").split("\0")
  const field = (code: string) => fields.find((field) => field.startsWith(code))?.slice(1) ?? ""
  return new Error(`The server replied ${field("C")}: ${field("M")}`)
}

export class WireSession {
  private readonly socket: Socket
  private readonly password: string
  private readonly ready: (error?: Error) => void
  private readonly columns = new Map<Statement, ReadonlyArray<Column>>()
  private readonly scram = new Scram()
  private rest: Buffer | undefined
  private jobs: ReadonlyArray<Job> = []
  private completed = 0
  private rows: Array<Row> = []
  private current: ReadonlyArray<Column> = NONE
  private error: Error | undefined
  private isOpen = false
  /** Called when every job is complete. */
  onIdle: () => void = () => {}

  private constructor(url: URL, reading: Reading | undefined, ready: (error?: Error) => void) {
    this.password = decodeURIComponent(url.password)
    this.ready = ready
    this.socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      ...(reading === undefined ? {} : { onread: reading(() => this.socket) })
    })
    this.socket.once("connect", () =>
      this.socket.write(startup(decodeURIComponent(url.username), decodeURIComponent(url.pathname.slice(1))))
    )
    this.socket.on("data", (chunk: Buffer) => this.read(chunk))
    this.socket.on("error", (error) => this.end(error))
    this.socket.on("close", () => this.end(new Error("The connection was closed")))
  }

  static open(url: string, reading?: Reading): Promise<WireSession> {
    return new Promise((resolve, reject) => {
      const session: WireSession = new WireSession(new URL(url), reading, (error) =>
        error === undefined ? resolve(session) : reject(error)
      )
    })
  }

  /** Writes all jobs at once. The session must be idle. */
  send(jobs: ReadonlyArray<Job>): void {
    this.jobs = jobs
    this.completed = 0
    let size = 0
    const unprepared = new Set<Statement>()
    for (const { statement, values } of jobs) {
      size += statement.size(values)
      if (!this.columns.has(statement) && !unprepared.has(statement)) {
        unprepared.add(statement)
        size += statement.prepare.length
      }
    }
    const bytes = Buffer.allocUnsafe(size)
    let at = 0
    for (const { statement, values } of jobs) {
      if (unprepared.delete(statement)) at += statement.prepare.copy(bytes, at)
      at = statement.write(bytes, at, values)
    }
    this.current = this.columnsOf(jobs[0])
    this.socket.write(bytes)
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.removeAllListeners("close")
      this.socket.once("close", () => resolve())
      this.socket.end(terminate)
    })
  }

  private columnsOf(job: Job | undefined): ReadonlyArray<Column> {
    return (job && this.columns.get(job.statement)) ?? NONE
  }

  private end(error: Error): void {
    this.ready(error)
    for (const job of this.jobs.slice(this.completed)) job.reject(error)
    this.jobs = []
  }

  private read(chunk: Buffer): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + 1 + bytes.readInt32BE(at + 1)
      if (end > bytes.length) break
      this.message(bytes[at] ?? 0, bytes, at + HEADER_BYTES, end)
      at = end
    }
    this.rest = at < bytes.length ? bytes.subarray(at) : undefined
  }

  private message(type: number, bytes: Buffer, at: number, end: number): void {
    switch (type) {
      case 0x44: // DataRow
        this.rows.push(rowOf(this.current, bytes, at))
        return
      case 0x5a: // ReadyForQuery
        return this.completeJob()
      case 0x54: // RowDescription
        return this.described(columnsOf(bytes, at))
      case 0x6e: // NoData
        return this.described(NONE)
      case 0x45: // ErrorResponse
        this.error = errorOf(bytes.subarray(at, end))
        if (!this.isOpen) this.ready(this.error)
        return
      case 0x52: // Authentication
        return this.authenticate(bytes.readInt32BE(at), bytes.subarray(at + 4, end))
      default:
    }
  }

  private described(columns: ReadonlyArray<Column>): void {
    const job = this.jobs[this.completed]
    if (job === undefined) return
    this.columns.set(job.statement, columns)
    this.current = columns
  }

  private authenticate(code: number, message: Buffer): void {
    if (code === AUTHENTICATION.sasl) this.socket.write(saslInitial(this.scram.first))
    else if (code === AUTHENTICATION.saslContinue) {
      this.socket.write(saslResponse(this.scram.final(message.toString(), this.password)))
    } else if (code !== AUTHENTICATION.ok && code !== AUTHENTICATION.saslFinal) {
      this.end(new Error(`The bare client supports SCRAM only, not authentication method ${code}`))
    }
  }

  private completeJob(): void {
    const job = this.jobs[this.completed]
    if (job === undefined) {
      this.isOpen = true
      return this.ready()
    }
    const { error, rows } = this
    this.rows = []
    this.error = undefined
    this.completed++
    const next = this.jobs[this.completed]
    if (next !== undefined) this.current = this.columnsOf(next)
    if (error === undefined) job.resolve(rows)
    else job.reject(error)
    if (next === undefined) {
      this.jobs = []
      this.onIdle()
    }
  }
}
