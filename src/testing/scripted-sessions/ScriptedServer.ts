/** The server of all scripted sessions: opens them as the script says and records what happens. */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { Notification, Result as QueryOutcome } from "@effect/sql-pg/PgConnection"
import type { Session } from "../../services/session/Session.ts"
import type { SessionError } from "../../services/errors/SessionError.ts"
import { fields } from "../../services/config/settings/Fields.ts"
import { NOTIFY_STATEMENT } from "../../services/sql/PooledPgClient.ts"
import { connectTimedOut } from "./Failures.ts"
import { type DialOutcome, outcomeOf, pause, type Script, type SessionScript } from "./Script.ts"
import { ScriptedSession } from "./ScriptedSession.ts"
import { type Answer, runAnswer, lookUp } from "./Statements.ts"
import { controlOf, type TransactionBlock } from "./TransactionBlock.ts"

/** A statement that was sent on a session. `at` is milliseconds of the Clock. */
export interface StatementRun {
  readonly sessionId: number
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  readonly at: number
}

const CONNECT_TIMEOUT_MILLIS = Duration.toMillis(
  Result.getOrThrow(fields.connectTimeout.reader.fromText(fields.connectTimeout.literal ?? ""))
)

/** Backend pids start here, so that they are not mistaken for ids of sessions. */
const FIRST_PID = 4001

/** PostgreSQL's default (PostgreSQL docs, "Connections and Authentication"). */
const MAX_CONNECTIONS = 100

export class ScriptedServer {
  /** When each dial began, in milliseconds of the Clock. */
  readonly dialsStarted: Array<number> = []
  readonly statements: Array<StatementRun> = []
  readonly closes: Array<{ readonly sessionId: number; readonly at: number }> = []
  /** Statements that the script did not expect. */
  readonly unexpected: Array<string> = []
  readonly sessions: Array<ScriptedSession> = []
  /** Sessions that are open. */
  readonly open = new Set<ScriptedSession>()
  dialing = 0
  /** The highest number of sockets at any time, dials under way included. */
  mostSockets = 0
  /** The highest number of dials under way at any time. */
  mostDialing = 0

  private script: Script
  private readonly context: Context.Context<never>
  private readonly now: () => number
  private answerTo: (sql: string) => Answer | undefined
  private readonly listeners = new Map<string, Set<Queue.Queue<Notification, SqlError>>>()

  constructor(script: Script, context: Context.Context<never>, now: () => number) {
    this.script = script
    this.context = context
    this.now = now
    this.answerTo = lookUp(script.statements ?? {})
  }

  readonly dial: Effect.Effect<Session, SessionError> = Effect.suspend(() => {
    const number = this.dialsStarted.push(this.now())
    this.dialing++
    this.mostDialing = Math.max(this.mostDialing, this.dialing)
    this.mostSockets = Math.max(this.mostSockets, this.dialing + this.open.size)
    const ended = Effect.sync(() => void this.dialing--)
    return Effect.ensuring(this.runDial(outcomeOf(this.script.dials ?? [], number)), ended)
  })

  /** The session with that id; ids count from 1 in the order of opening. */
  session(id: number): ScriptedSession {
    const session = this.sessions[id - 1]
    if (session === undefined) throw new Error(`There is no session ${id}: ${this.sessions.length} were opened so far`)
    return session
  }

  /** Changes the script from now on; dials keep their numbers. */
  change(script: Script): void {
    this.script = { ...this.script, ...script }
    this.answerTo = lookUp(this.script.statements ?? {})
  }

  /** Delivers a notification to every session that listens on the channel. */
  notify(channel: string, payload: string, processId = 0): void {
    for (const queue of this.listeners.get(channel) ?? []) Queue.offerUnsafe(queue, { processId, channel, payload })
  }

  private runDial(outcome: DialOutcome): Effect.Effect<Session, SessionError> {
    switch (outcome._tag) {
      case "Succeeds":
        return Effect.andThen(
          pause(outcome.afterMillis),
          Effect.sync(() => this.openSession(outcome))
        )
      case "Fails":
        return Effect.andThen(pause(outcome.afterMillis), Effect.fail(outcome.error))
      case "Hangs": {
        const limit = this.script.connectTimeoutMillis ?? CONNECT_TIMEOUT_MILLIS
        return Effect.andThen(pause(limit), Effect.fail(connectTimedOut(limit)))
      }
    }
  }

  private openSession(outcome: { readonly afterMillis: number; readonly session: SessionScript }): ScriptedSession {
    const id = this.sessions.length + 1
    const script = { ...this.script.session, ...outcome.session }
    const own = lookUp(script.statements ?? {})
    const session = new ScriptedSession({
      info: {
        id,
        backendPid: FIRST_PID + this.sessions.length,
        maxConnections: MAX_CONNECTIONS,
        serverVersion: "18.0",
        address: "192.0.2.1",
        encrypted: true,
        timings: { dns: 0, tcp: 0, tls: 0, authentication: outcome.afterMillis, session: script.roundTripMillis ?? 0 },
        openedAt: this.now()
      },
      script,
      context: this.context,
      now: this.now,
      answer: (sql, params, transaction) => this.answer(id, own(sql) ?? this.answerTo(sql), sql, params, transaction),
      listen: (channel) => this.listen(channel),
      onClosed: () => {
        this.open.delete(session)
        this.closes.push({ sessionId: id, at: this.now() })
      }
    })
    this.sessions.push(session)
    this.open.add(session)
    return session
  }

  private answer(
    sessionId: number,
    answer: Answer | undefined,
    sql: string,
    params: ReadonlyArray<unknown>,
    transaction: TransactionBlock
  ): Effect.Effect<QueryOutcome, SqlError> {
    this.statements.push({ sessionId, sql, params, at: this.now() })
    const control = controlOf(sql)
    if (answer !== undefined) return runAnswer(answer, sql, params, sessionId)
    if (control !== undefined) {
      return runAnswer({ rows: [], rowCount: 0, command: transaction.command(control) }, sql, params, sessionId)
    }
    // A deferred statement is sent ahead of an empty one where the next statement cannot carry it.
    if (sql === "") return runAnswer({ rows: [], rowCount: 0, command: "" }, sql, params, sessionId)
    if (sql.toLowerCase() === NOTIFY_STATEMENT) {
      this.notify(String(params[0]), String(params[1]), FIRST_PID + sessionId - 1)
      return runAnswer([{ pg_notify: "" }], sql, params, sessionId)
    }
    this.unexpected.push(sql)
    return Effect.die(new Error(`Unexpected statement: ${sql} (${params.length} parameters, session ${sessionId})`))
  }

  private listen(channel: string) {
    const listening = this.listeners.get(channel) ?? new Set()
    this.listeners.set(channel, listening)
    return Effect.acquireRelease(
      Effect.tap(Queue.unbounded<Notification, SqlError>(), (queue) => Effect.sync(() => listening.add(queue))),
      (queue) =>
        Effect.andThen(
          Effect.sync(() => listening.delete(queue)),
          Queue.shutdown(queue)
        )
    )
  }
}
