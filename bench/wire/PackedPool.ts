/** As the socket pool, but what was asked for in the same moment shares a write. */
import type { Rows } from "../Operation.ts"
import type { Statement } from "./Frames.ts"
import { Line } from "./Line.ts"
import { type Job, WireSession } from "./WireSession.ts"

/** Statements in one write; as many as sql-pg's `multiplexConcurrency` has by default. */
const PACK = 32

export class PackedPool {
  private readonly sessions: ReadonlyArray<WireSession>
  private readonly idle: Array<WireSession>
  private readonly line = new Line<Job>()
  private isScheduled = false

  private constructor(sessions: ReadonlyArray<WireSession>) {
    this.sessions = sessions
    this.idle = [...sessions]
    for (const session of sessions) {
      session.onIdle = () => {
        this.idle.push(session)
        if (this.line.length > 0) this.schedule()
      }
    }
  }

  static async open(url: string, sessions: number): Promise<PackedPool> {
    return new PackedPool(await Promise.all(Array.from({ length: sessions }, () => WireSession.open(url))))
  }

  query(statement: Statement, values: ReadonlyArray<string>): Promise<Rows> {
    return new Promise((resolve, reject) => {
      this.line.push({ statement, values, resolve, reject })
      this.schedule()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()))
  }

  /** After the microtasks: everybody who was answered by one chunk of the socket has asked again by then. */
  private schedule(): void {
    if (this.isScheduled || this.idle.length === 0) return
    this.isScheduled = true
    process.nextTick(() => {
      this.isScheduled = false
      this.flush()
    })
  }

  private flush(): void {
    while (this.line.length > 0) {
      const session = this.idle.pop()
      if (session === undefined) return
      const pack: Array<Job> = []
      for (let job = this.line.shift(); job !== undefined; job = this.line.shift()) {
        pack.push(job)
        if (pack.length === PACK) break
      }
      session.send(pack)
    }
  }
}
