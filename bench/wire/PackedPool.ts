/** Like SocketPool, but statements of the same event loop turn share a write. */
import type { Rows } from "../Operation.ts"
import type { Statement } from "./Frames.ts"
import { FifoQueue } from "./FifoQueue.ts"
import { type Job, WireSession } from "./WireSession.ts"

/** Maximum statements in one write; sql-pg's default for `multiplexConcurrency`. */
const PACK = 32

export class PackedPool {
  private readonly sessions: ReadonlyArray<WireSession>
  private readonly idle: Array<WireSession>
  private readonly queue = new FifoQueue<Job>()
  private isScheduled = false

  private constructor(sessions: ReadonlyArray<WireSession>) {
    this.sessions = sessions
    this.idle = [...sessions]
    for (const session of sessions) {
      session.onIdle = () => {
        this.idle.push(session)
        if (this.queue.length > 0) this.schedule()
      }
    }
  }

  static async open(url: string, sessions: number): Promise<PackedPool> {
    return new PackedPool(await Promise.all(Array.from({ length: sessions }, () => WireSession.open(url))))
  }

  query(statement: Statement, values: ReadonlyArray<string>): Promise<Rows> {
    return new Promise((resolve, reject) => {
      this.queue.push({ statement, values, resolve, reject })
      this.schedule()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()))
  }

  /** Runs after the microtasks: by then every caller that got a result from the same chunk has sent its next query. */
  private schedule(): void {
    if (this.isScheduled || this.idle.length === 0) return
    this.isScheduled = true
    process.nextTick(() => {
      this.isScheduled = false
      this.flush()
    })
  }

  private flush(): void {
    while (this.queue.length > 0) {
      const session = this.idle.pop()
      if (session === undefined) return
      const pack: Array<Job> = []
      for (let job = this.queue.shift(); job !== undefined; job = this.queue.shift()) {
        pack.push(job)
        if (pack.length === PACK) break
      }
      session.send(pack)
    }
  }
}
