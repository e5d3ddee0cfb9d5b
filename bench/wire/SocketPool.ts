/** The least a pool can be: a free list, and a line of those who wait. */
import type { Rows } from "../Operation.ts"
import type { Statement } from "./Frames.ts"
import { Line } from "./Line.ts"
import { type Job, type Reading, WireSession } from "./WireSession.ts"

export class SocketPool {
  private readonly sessions: ReadonlyArray<WireSession>
  private readonly idle: Array<WireSession>
  private readonly line = new Line<(session: WireSession) => void>()

  private constructor(sessions: ReadonlyArray<WireSession>) {
    this.sessions = sessions
    this.idle = [...sessions]
  }

  static async open(url: string, sessions: number, reading?: Reading): Promise<SocketPool> {
    const opened = Array.from({ length: sessions }, () => WireSession.open(url, reading))
    return new SocketPool(await Promise.all(opened))
  }

  /** One statement on whichever session is free. */
  query(statement: Statement, values: ReadonlyArray<string>): Promise<Rows> {
    return new Promise((resolve, reject) => {
      const job: Job = { statement, values, resolve, reject }
      this.take((session) => {
        session.onIdle = () => this.give(session)
        session.send([job])
      })
    })
  }

  /** Several statements, one after the other, on one session. */
  async use<A>(f: (query: SocketPool["query"]) => Promise<A>): Promise<A> {
    const session = await new Promise<WireSession>((resolve) => this.take(resolve))
    session.onIdle = () => {}
    try {
      return await f(
        (statement, values) => new Promise((resolve, reject) => session.send([{ statement, values, resolve, reject }]))
      )
    } finally {
      this.give(session)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()))
  }

  private take(f: (session: WireSession) => void): void {
    const session = this.idle.pop()
    if (session === undefined) this.line.push(f)
    else f(session)
  }

  private give(session: WireSession): void {
    const next = this.line.shift()
    if (next === undefined) this.idle.push(session)
    else next(session)
  }
}
