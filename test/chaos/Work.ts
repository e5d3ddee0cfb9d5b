/** Mixed work against a pool: each operation knows what it may be told, and notes when it is told anything else. */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import type { Dice } from "./Dice.ts"
import { attempt, type Ending, type Patience, type Scene } from "./Scene.ts"

/** How often each kind of work is done. */
const WEIGHTS = [
  ["statement", 30],
  ["transaction", 30],
  ["insert", 14],
  ["stream", 8],
  ["hold", 10],
  ["listen", 4],
  ["notify", 4]
] as const

/** Deadlines in milliseconds: some too short for anything, most enough for a pool that is well. */
const LIMITS: ReadonlyArray<number> = [20, 100, 400, 1000, 2000, 4000]

/** How often an operation is interrupted from outside before its time. */
const INTERRUPTED = 0.2

/** The longest that a statement sleeps on purpose, in milliseconds. */
const LONGEST_SLEEP = 120

const MILLIS_PER_SECOND = 1000

/** The channels that are listened to. */
const CHANNELS: ReadonlyArray<string> = ["chaos_a", "chaos_b"]

/** Does one random thing; ends when it has settled, whatever became of it. */
export const work = (scene: Scene, dice: Dice): Effect.Effect<void> =>
  Effect.suspend(() => {
    const limitMillis = dice.pick(LIMITS)!
    const interruptAfterMillis = dice.chance(INTERRUPTED) ? dice.int(0, limitMillis) : undefined
    return works[dice.weighted(WEIGHTS)](scene, dice, { limitMillis, interruptAfterMillis })
  })

type Work = (scene: Scene, dice: Dice, patience: Patience) => Effect.Effect<void>

/** A statement whose answer cannot be mistaken for another's. */
const echo = (scene: Scene, dice: Dice) => {
  const asked = dice.int(1, 1_000_000_000)
  const seconds = dice.chance(0.3) ? dice.int(1, LONGEST_SLEEP) / MILLIS_PER_SECOND : 0
  return Effect.map(scene.sql`select ${asked}::int as n, pg_sleep(${seconds}::float8)::text as s`, (rows) => {
    const answered = rows[0]?.["n"]
    scene.findings.must(
      answered === asked,
      () => `a statement that asked for ${asked} was answered ${String(answered)}`
    )
  })
}

const CANCELLED = "57014"

/** Nobody is told of a cancel that was not meant for him. */
const checkFailure = (scene: Scene, ending: Ending<unknown, unknown>): void => {
  if (ending._tag !== "Failed") return
  const reason = SessionError.fromSqlError(ending.error as SqlError)?.reason
  if (reason?._tag !== "StatementFailed" || reason.sqlState !== CANCELLED) return
  scene.findings.must(!/user request/.test(reason.message), () => `a cancel went astray: ${reason.message}`)
}

const statement: Work = (scene, dice, patience) =>
  Effect.map(attempt(scene, "statement", patience, echo(scene, dice)), (ending) => checkFailure(scene, ending))

/** What may be said of rows whose write outside of a transaction ended like that. */
const toldOfInsert = (ending: Ending<unknown, unknown>): "once" | "maybe" | "never" => {
  if (ending._tag === "Done") return "once"
  if (ending._tag !== "Failed") return "maybe"
  const reason = SessionError.fromSqlError(ending.error as SqlError)?.reason
  switch (reason?._tag) {
    case "AcquireTimeout":
    case "QueueFull":
    case "PoolClosed":
    case "ConnectFailed":
    case "StatementFailed":
      return "never"
    case "SessionLost":
      return reason.statementInFlight ? "maybe" : "never"
    default:
      return "maybe"
  }
}

const insert: Work = (scene, _dice, patience) =>
  Effect.suspend(() => {
    const id = scene.book.plan("insert")
    // Whoever is still waiting for an answer when the run ends has been told nothing.
    scene.book.tell([id], "maybe")
    const written = scene.sql`insert into ledger (id, work) values (${id}, ${id})`
    return Effect.map(attempt(scene, "insert", patience, written), (ending) => {
      checkFailure(scene, ending)
      scene.book.tell([id], toldOfInsert(ending))
    })
  })

/** A failure that a body makes by itself. */
class Meant extends Data.TaggedError("Meant") {}

const transaction: Work = (scene, dice, patience) =>
  Effect.suspend(() => {
    const { book, sql } = scene
    const ids = Array.from({ length: dice.int(1, 3) }, () => book.plan("transaction"))
    const lost = book.plan("savepoint that is rolled back")
    const savepoint = dice.chance(0.2)
    const fails = dice.chance(0.1)
    const echoes = dice.chance(0.5)
    const write = (id: number) => sql`insert into ledger (id, work) values (${id}, ${ids[0]!})`
    let reachedCommit = false
    const body = Effect.gen(function* () {
      for (const id of ids) {
        yield* write(id)
        if (echoes) yield* echo(scene, dice)
      }
      if (savepoint) {
        const inner = Effect.andThen(write(lost), new Meant())
        yield* Effect.catchTag(sql.withTransaction(inner), "Meant", () => Effect.void)
      }
      if (fails) return yield* new Meant()
      reachedCommit = true
      book.tell(ids, "maybe")
    })
    return Effect.map(attempt(scene, "transaction", patience, sql.withTransaction(body)), (ending) => {
      checkFailure(scene, ending)
      if (ending._tag === "Done") return book.tell(ids, "once")
      if (ending._tag !== "Failed") return book.tell(ids, reachedCommit ? "maybe" : "never")
      const { error } = ending
      const isUnknown = error._tag === "SqlError" && SessionError.fromSqlError(error)?.reason._tag === "OutcomeUnknown"
      book.tell(ids, isUnknown ? "maybe" : "never")
      scene.findings.must(reachedCommit || !isUnknown, () => "an outcome is unknown though COMMIT was never asked for")
    })
  })

const stream: Work = (scene, dice, patience) =>
  Effect.suspend(() => {
    const rows = dice.int(1, 3000)
    const wanted = dice.chance(0.5) ? rows : dice.int(1, rows)
    let last = 0
    const read = scene.sql`select g as n from generate_series(1, ${rows}::int) as g`.stream.pipe(
      Stream.take(wanted),
      Stream.runForEach((row) =>
        Effect.sync(() => {
          scene.findings.must(row["n"] === last + 1, () => `row ${String(row["n"])} of a stream came after ${last}`)
          last++
        })
      )
    )
    return Effect.map(attempt(scene, "stream", patience, read), (ending) => {
      checkFailure(scene, ending)
      const complete = ending._tag !== "Done" || last === wanted
      scene.findings.must(complete, () => `a stream of ${wanted} rows ended well after ${last}`)
    })
  })

const hold: Work = (scene, dice, patience) =>
  Effect.suspend(() => {
    const soils = dice.chance(0.2)
    const times = dice.int(0, 3)
    const held = scene.pool.use((lease) => {
      const { id } = lease.info
      const other = scene.holders.get(id)
      scene.findings.must(other === undefined, () => `session ${id} was lent while it was lent to ${String(other)}`)
      scene.holders.set(id, "a hold")
      return Effect.gen(function* () {
        for (let asked = 0; asked < times; asked++) {
          const rows = yield* lease.execute(
            "select $1::int as n, pg_sleep($2::float8)::text as s",
            [asked, 0],
            undefined
          )
          const answered = (rows[0] as Record<string, unknown> | undefined)?.["n"]
          scene.findings.must(answered === asked, () => `a lease that asked for ${asked} got ${String(answered)}`)
        }
        if (soils) yield* lease.execute("set work_mem = '5MB'", [], undefined)
        yield* Effect.sleep(dice.int(0, LONGEST_SLEEP))
      }).pipe(Effect.ensuring(Effect.sync(() => scene.holders.delete(id))))
    })
    return Effect.map(attempt(scene, "hold", patience, held), (ending) => checkFailure(scene, ending))
  })

const listen: Work = (scene, dice, patience) =>
  Effect.suspend(() => {
    const channel = dice.pick(CHANNELS)!
    const heard = new Set<string>()
    const enough = Deferred.makeUnsafe<void>()
    const wanted = dice.int(1, 20)
    const listening = Effect.scoped(
      Effect.gen(function* () {
        const queue = yield* scene.sql.listen(channel)
        const hear = Effect.map(Queue.take(queue), ({ payload }) => {
          if (payload === "") return
          scene.findings.must(!heard.has(payload), () => `notification ${payload} came twice to one listener`)
          heard.add(payload)
          if (heard.size >= wanted) Deferred.doneUnsafe(enough, Effect.void)
        })
        yield* Effect.raceFirst(Effect.forever(hear), Deferred.await(enough))
      })
    )
    return Effect.asVoid(attempt(scene, "listen", patience, listening))
  })

/** Payloads so far: no two notifications say the same. */
let payloads = 0

const notify: Work = (scene, dice, patience) =>
  Effect.suspend(() =>
    Effect.asVoid(attempt(scene, "notify", patience, scene.sql.notify(dice.pick(CHANNELS)!, `note ${++payloads}`)))
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
