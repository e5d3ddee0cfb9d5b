/** A table behind scripted sessions: rows are there after COMMIT and not before, whatever becomes of the reply. */
import * as Effect from "effect/Effect"
import type { Answer, ScriptedServer, Statements } from "../../src/testing/ScriptedSessions.ts"
import type { Dice } from "../chaos/Dice.ts"
import type { Findings } from "../chaos/Findings.ts"

/** The longest that the server works on a COMMIT before it counts, and that the reply takes after it, in milliseconds. */
const LONGEST_COMMIT = 20

const MILLIS_PER_SECOND = 1000

/** Of a transaction under way: what it wrote, and where its savepoints are. */
interface Block {
  rows: Array<number>
  writer: number | undefined
  readonly savepoints: Map<string, number>
}

type Statement = { readonly sql: string; readonly sessionId: number }

export class ScriptedTable {
  readonly rows: Array<number> = []
  private readonly blocks = new Map<number, Block>()
  private readonly dice: Dice
  private readonly findings: Findings
  private server: ScriptedServer | undefined

  constructor(dice: Dice, findings: Findings) {
    this.dice = dice
    this.findings = findings
  }

  /** The sessions whose transaction status decides what a COMMIT does. */
  attach(server: ScriptedServer): void {
    this.server = server
  }

  /** What the sessions are asked, and how it is answered. */
  get statements(): Statements {
    return [
      [/^select \$1::int as n, pg_sleep/, this.echo],
      [/^insert into ledger/, this.insert],
      [
        /^select g as n from generate_series/,
        ([rows]) => Array.from({ length: Number(rows) }, (_, at) => ({ n: at + 1 }))
      ],
      [/^set work_mem/, []],
      [/^begin$/i, this.begin],
      [/^commit$/i, this.commit],
      [/^rollback$/i, (_, { sessionId }) => this.end(sessionId, "ROLLBACK")],
      [/^savepoint /i, (_, { sessionId, sql }) => this.mark(sessionId, sql.slice("SAVEPOINT ".length))],
      [
        /^rollback to savepoint /i,
        (_, { sessionId, sql }) => this.back(sessionId, sql.slice("ROLLBACK TO SAVEPOINT ".length))
      ]
    ]
  }

  private readonly echo: Answer = ([n, seconds]) =>
    Effect.as(Effect.sleep(Number(seconds) * MILLIS_PER_SECOND), [{ n, s: "" }])

  private readonly begin: Answer = (_, { sessionId }) => {
    const status = this.statusOf(sessionId)
    this.findings.must(status === "I", () => `session ${sessionId} began a transaction within another`)
    this.blocks.set(sessionId, { rows: [], writer: undefined, savepoints: new Map() })
    return { rows: [], command: "BEGIN" }
  }

  private readonly insert: Answer = ([id, writer], { sessionId }) => {
    const block = this.statusOf(sessionId) === "I" ? undefined : this.blocks.get(sessionId)
    if (block === undefined) this.rows.push(Number(id))
    else {
      block.writer ??= Number(writer)
      this.findings.must(block.writer === writer, () => `two callers wrote in one transaction of session ${sessionId}`)
      block.rows.push(Number(id))
    }
    return { rows: [], rowCount: 1 }
  }

  private readonly commit = (_: ReadonlyArray<unknown>, { sessionId }: Statement) => {
    const before = this.dice.int(0, LONGEST_COMMIT)
    const after = this.dice.int(0, LONGEST_COMMIT)
    return Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(before)
      const failed = this.statusOf(sessionId) !== "T"
      if (!failed) this.rows.push(...(this.blocks.get(sessionId)?.rows ?? []))
      this.blocks.delete(sessionId)
      yield* Effect.sleep(after)
      return { rows: [], command: failed ? "ROLLBACK" : "COMMIT" }
    })
  }

  /** A scripted BEGIN whose caller left in the very moment of its answer has not begun anything. */
  private statusOf(sessionId: number) {
    return this.server?.session(sessionId)["transaction"].status
  }

  private end(sessionId: number, command: string) {
    this.blocks.delete(sessionId)
    return { rows: [], command }
  }

  private mark(sessionId: number, name: string) {
    const block = this.blocks.get(sessionId)
    block?.savepoints.set(name, block.rows.length)
    return { rows: [], command: "SAVEPOINT" }
  }

  private back(sessionId: number, name: string) {
    const block = this.blocks.get(sessionId)
    if (block !== undefined) block.rows = block.rows.slice(0, block.savepoints.get(name))
    return { rows: [], command: "ROLLBACK" }
  }
}
