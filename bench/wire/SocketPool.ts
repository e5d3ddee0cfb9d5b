/** The smallest possible pool: a free list and a queue of waiters. */
import type { Rows } from "../Operation.ts"
import type { Statement } from "./Frames.ts"
import { FifoQueue } from "./FifoQueue.ts"
import { type Job, type Reading, WireSession } from "./WireSession.ts"

export class SocketPool {
  private readonly sessions: ReadonlyArray<WireSession>
  private readonly idle: Array<WireSession>
  private readonly waiters = new FifoQueue<(session: WireSession) => void>()

  private constructor(sessions: ReadonlyArray<WireSession>) {
    this.sessions = sessions
    this.idle = [...sessions]
  }

  static async open(url: string, sessions: number, reading?: Reading): Promise<SocketPool> {
    const opened = Array.from({ length: sessions }, () => WireSession.open(url, reading))
    return new SocketPool(await Promise.all(opened))
  }

  /** Runs one statement on the next free session. */
  query(statement: Statement, values: ReadonlyArray<string>): Promise<Rows> {
    return new Promise((resolve, reject) => {
      const job: Job = { statement, values, resolve, reject }
      this.acquire((session) => {
        session.onIdle = () => this.release(session)
        session.send([job])
      })
    })
  }

  /** Runs several statements, one after the other, on one session. */
  async use<A>(f: (query: SocketPool["query"]) => Promise<A>): Promise<A> {
    const session = await new Promise<WireSession>((resolve) => this.acquire(resolve))
    session.onIdle = () => {}
    try {
      return await f(
        (statement, values) => new Promise((resolve, reject) => session.send([{ statement, values, resolve, reject }]))
      )
    } finally {
      this.release(session)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()))
  }

  private acquire(f: (session: WireSession) => void): void {
    const session = this.idle.pop()
    if (session === undefined) this.waiters.push(f)
    else f(session)
  }

  private release(session: WireSession): void {
    const next = this.waiters.shift()
    if (next === undefined) this.idle.push(session)
    else next(session)
  }
}
