/** Mixed work against a pool. Every operation reports a result that is not permitted. */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import type { SeededRandom } from "./SeededRandom.ts"
import { attempt, type Outcome, type OperationLimits, type WorkContext } from "./WorkContext.ts"

/** How often each operation is drawn. */
const WEIGHTS = [
  ["statement", 30],
  ["transaction", 30],
  ["insert", 14],
  ["stream", 8],
  ["hold", 10],
  ["listen", 4],
  ["notify", 4]
] as const

/** Timeouts in milliseconds: some too short for anything, most long enough without faults. */
const LIMITS: ReadonlyArray<number> = [20, 100, 400, 1000, 2000, 4000]

/** Share of operations that are interrupted. */
const INTERRUPTED_SHARE = 0.2

/** The longest intended sleep of a statement, in milliseconds. */
const MAX_SLEEP_MILLIS = 120

const MILLIS_PER_SECOND = 1000

const CHANNELS: ReadonlyArray<string> = ["chaos_a", "chaos_b"]

/** Runs one random operation until it has ended in any way. */
export const work = (context: WorkContext, random: SeededRandom): Effect.Effect<void> =>
  Effect.suspend(() => {
    const limitMillis = random.pick(LIMITS)!
    const interruptAfterMillis = random.chance(INTERRUPTED_SHARE) ? random.int(0, limitMillis) : undefined
    return works[random.weighted(WEIGHTS)](context, random, { limitMillis, interruptAfterMillis })
  })

type Work = (context: WorkContext, random: SeededRandom, limits: OperationLimits) => Effect.Effect<void>

/** A statement with a unique result. */
const echo = (context: WorkContext, random: SeededRandom) => {
  const sent = random.int(1, 1_000_000_000)
  const seconds = random.chance(0.3) ? random.int(1, MAX_SLEEP_MILLIS) / MILLIS_PER_SECOND : 0
  return Effect.map(context.sql`select ${sent}::int as n, pg_sleep(${seconds}::float8)::text as s`, (rows) => {
    const received = rows[0]?.["n"]
    context.violations.must(received === sent, () => `the result of statement ${sent} was ${String(received)}`)
  })
}

const CANCELLED = "57014"

/** A cancel request must not hit a statement of another caller. */
const checkFailure = (context: WorkContext, outcome: Outcome<unknown, unknown>): void => {
  if (outcome._tag !== "Failed") return
  const reason = SessionError.fromSqlError(outcome.error as SqlError)?.reason
  if (reason?._tag !== "StatementFailed" || reason.sqlState !== CANCELLED) return
  context.violations.must(
    !/user request/.test(reason.message),
    () => `a cancel request hit the wrong statement: ${reason.message}`
  )
}

const statement: Work = (context, random, limits) =>
  Effect.map(attempt(context, "statement", limits, echo(context, random)), (outcome) => checkFailure(context, outcome))

/** The expected state of a row after an INSERT outside of a transaction. */
const expectedOfInsert = (outcome: Outcome<unknown, unknown>): "committed" | "unknown" | "absent" => {
  if (outcome._tag === "Done") return "committed"
  if (outcome._tag !== "Failed") return "unknown"
  const reason = SessionError.fromSqlError(outcome.error as SqlError)?.reason
  switch (reason?._tag) {
    case "AcquireTimeout":
    case "QueueFull":
    case "PoolClosed":
    case "ConnectFailed":
    case "StatementFailed":
      return "absent"
    case "SessionLost":
      return reason.isRetryable ? "absent" : "unknown"
    default:
      return "unknown"
  }
}

const insert: Work = (context, _dice, limits) =>
  Effect.suspend(() => {
    const id = context.commits.plan("insert")
    // Used when the run ends before the result.
    context.commits.expect([id], "unknown")
    const written = context.sql`insert into ledger (id, work) values (${id}, ${id})`
    return Effect.map(attempt(context, "insert", limits, written), (outcome) => {
      checkFailure(context, outcome)
      context.commits.expect([id], expectedOfInsert(outcome))
    })
  })

/** The intended failure of a transaction body. */
class IntendedFailure extends Data.TaggedError("IntendedFailure") {}

const transaction: Work = (context, random, limits) =>
  Effect.suspend(() => {
    const { commits, sql } = context
    const ids = Array.from({ length: random.int(1, 3) }, () => commits.plan("transaction"))
    const lost = commits.plan("savepoint that is rolled back")
    const savepoint = random.chance(0.2)
    const fails = random.chance(0.1)
    const echoes = random.chance(0.5)
    const write = (id: number) => sql`insert into ledger (id, work) values (${id}, ${ids[0]!})`
    let reachedCommit = false
    const body = Effect.gen(function* () {
      for (const id of ids) {
        yield* write(id)
        if (echoes) yield* echo(context, random)
      }
      if (savepoint) {
        const inner = Effect.andThen(write(lost), new IntendedFailure())
        yield* Effect.catchTag(sql.withTransaction(inner), "IntendedFailure", () => Effect.void)
      }
      if (fails) return yield* new IntendedFailure()
      reachedCommit = true
      commits.expect(ids, "unknown")
    })
    return Effect.map(attempt(context, "transaction", limits, sql.withTransaction(body)), (outcome) => {
      checkFailure(context, outcome)
      if (outcome._tag === "Done") return commits.expect(ids, "committed")
      if (outcome._tag !== "Failed") return commits.expect(ids, reachedCommit ? "unknown" : "absent")
      const { error } = outcome
      const isUnknown = error._tag === "SqlError" && SessionError.fromSqlError(error)?.reason._tag === "OutcomeUnknown"
      commits.expect(ids, isUnknown ? "unknown" : "absent")
      context.violations.must(reachedCommit || !isUnknown, () => "an outcome is unknown although COMMIT was never sent")
    })
  })

const stream: Work = (context, random, limits) =>
  Effect.suspend(() => {
    const rows = random.int(1, 3000)
    const limit = random.chance(0.5) ? rows : random.int(1, rows)
    let last = 0
    const read = context.sql`select g as n from generate_series(1, ${rows}::int) as g`.stream.pipe(
      Stream.take(limit),
      Stream.runForEach((row) =>
        Effect.sync(() => {
          context.violations.must(row["n"] === last + 1, () => `row ${String(row["n"])} of a stream came after ${last}`)
          last++
        })
      )
    )
    return Effect.map(attempt(context, "stream", limits, read), (outcome) => {
      checkFailure(context, outcome)
      const complete = outcome._tag !== "Done" || last === limit
      context.violations.must(complete, () => `a stream of ${limit} rows succeeded after ${last}`)
    })
  })

const hold: Work = (context, random, limits) =>
  Effect.suspend(() => {
    const taints = random.chance(0.2)
    const times = random.int(0, 3)
    const held = context.pool.use((lease) => {
      const { id } = lease.info
      const other = context.holders.get(id)
      context.violations.must(
        other === undefined,
        () => `session ${id} was leased while it was leased to ${String(other)}`
      )
      context.holders.set(id, "a hold")
      return Effect.gen(function* () {
        for (let sent = 0; sent < times; sent++) {
          const rows = yield* lease.execute(
            "select $1::int as n, pg_sleep($2::float8)::text as s",
            [sent, 0],
            undefined
          )
          const received = (rows[0] as Record<string, unknown> | undefined)?.["n"]
          context.violations.must(
            received === sent,
            () => `the result of statement ${sent} of a lease was ${String(received)}`
          )
        }
        if (taints) yield* lease.execute("set work_mem = '5MB'", [], undefined)
        yield* Effect.sleep(random.int(0, MAX_SLEEP_MILLIS))
      }).pipe(Effect.ensuring(Effect.sync(() => context.holders.delete(id))))
    })
    return Effect.map(attempt(context, "hold", limits, held), (outcome) => checkFailure(context, outcome))
  })

const listen: Work = (context, random, limits) =>
  Effect.suspend(() => {
    const channel = random.pick(CHANNELS)!
    const receivedPayloads = new Set<string>()
    const enough = Deferred.makeUnsafe<void>()
    const limit = random.int(1, 20)
    const listening = Effect.scoped(
      Effect.gen(function* () {
        const queue = yield* context.sql.listen(channel)
        const receive = Effect.map(Queue.take(queue), ({ payload }) => {
          if (payload === "") return
          context.violations.must(
            !receivedPayloads.has(payload),
            () => `notification ${payload} was received twice by one listener`
          )
          receivedPayloads.add(payload)
          if (receivedPayloads.size >= limit) Deferred.doneUnsafe(enough, Effect.void)
        })
        yield* Effect.raceFirst(Effect.forever(receive), Deferred.await(enough))
      })
    )
    return Effect.asVoid(attempt(context, "listen", limits, listening))
  })

/** Notifications so far, so that every payload is unique. */
let payloads = 0

const notify: Work = (context, random, limits) =>
  Effect.suspend(() =>
    Effect.asVoid(attempt(context, "notify", limits, context.sql.notify(random.pick(CHANNELS)!, `note ${++payloads}`)))
  )

const works: Record<(typeof WEIGHTS)[number][0], Work> = {
  statement,
  transaction,
  insert,
  stream,
  hold,
  listen,
  notify
}
