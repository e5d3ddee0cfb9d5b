/** A check: a query, its typed rows, rules on them, and the next steps. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ConnectionType } from "../../config/SessionConfig.ts"
import { type CheckId, titles } from "./CheckTitles.ts"
import type { Cell, Column, Columns, RowOf } from "./Column.ts"
import type { ServerFacts } from "./ServerFacts.ts"
import { safeStatement, safeText } from "./SafeText.ts"
import { firstFew, given, type OptionalTexts } from "../../errors/Wording.ts"

/** The subject of a check: connections and their limits, or the database itself. */
export type Subject = "connections" | "database"

export interface CheckInput {
  readonly facts: ServerFacts
  readonly limit: number
  /** The duration from which a statement counts as long, in milliseconds. */
  readonly longerThanMillis: number
  /** The application_name of the application's sessions. */
  readonly applicationName: string
  /** DB_POOL_MAX: sessions of one process of the application. */
  readonly poolMax: number
  readonly connectionType: ConnectionType
  /** The pooler's pool size for the role, if configured. */
  readonly poolerSize: number | undefined
  /** DB_IDLE_IN_TRANSACTION_TIMEOUT, in milliseconds. */
  readonly idleInTransactionMillis: number
  /** Texts that are masked in everything the server returns. */
  readonly secrets: ReadonlyArray<string>
}

export interface Unavailable {
  readonly unavailable: string
  readonly nextSteps: ReadonlyArray<string>
}

/** The outcome of a rule; `unknown` when there was too little data. */
export const outcomes = ["pass", "fail", "unknown"] as const

export interface RuleOutcome {
  readonly outcome: (typeof outcomes)[number]
  readonly detail: string
}

/** A rule on the rows of a check: judges them together, or fails when one of them does. */
export type Rule<Row> = {
  readonly id: string
  /** A sentence that is true when the rule passes. */
  readonly text: string
} & (
  | { readonly judge: (rows: ReadonlyArray<Row>, input: CheckInput) => RuleOutcome }
  | {
      readonly fails: (row: Row, input: CheckInput) => boolean
      readonly describe: (row: Row) => string
      /** Joins the descriptions of the rows that fail. Default: `firstFew`. */
      readonly join?: (descriptions: ReadonlyArray<string>) => string
    }
)

export interface Definition<C extends Columns> {
  readonly id: CheckId
  readonly subject: Subject
  /** What it counts, leaves out and estimates. */
  readonly details: string
  readonly columns: C
  /** Orders the worst rows first, because only `limit` rows are read. */
  readonly query: (input: CheckInput) => { readonly sql: string; readonly params?: ReadonlyArray<string> } | Unavailable
  /** The meaning of an empty result. */
  readonly empty: (input: CheckInput) => string
  readonly nextSteps: (rows: ReadonlyArray<RowOf<C>>, input: CheckInput) => OptionalTexts
  /** What the role could not see, or the server does not report. */
  readonly unseen?: (rows: ReadonlyArray<RowOf<C>>, input: CheckInput) => OptionalTexts
  readonly rules?: ReadonlyArray<Rule<RowOf<C>>>
}

export type Row = Readonly<Record<string, Cell>>

export interface CheckOutput {
  readonly rows: ReadonlyArray<Row>
  readonly isTruncated: boolean
  readonly unseen: ReadonlyArray<string>
  readonly nextSteps: ReadonlyArray<string>
  readonly rules: ReadonlyArray<RuleOutcome & { readonly id: string; readonly text: string }>
}

/** A check without the types of its rows. */
export interface Check extends Omit<Definition<Columns>, "nextSteps" | "unseen" | "rules"> {
  /** What it shows: a sentence without a full stop. */
  readonly title: string
  readonly rules: ReadonlyArray<{ readonly id: string; readonly text: string }>
  readonly row: Schema.Codec<Row, Row>
  /** Decodes the rows from JSON; one row more than `limit` means that there are more. */
  readonly read: (answer: unknown, input: CheckInput) => Effect.Effect<CheckOutput, Schema.SchemaError>
}

const shown = (cell: Cell, { kind }: Column, secrets: ReadonlyArray<string>): Cell => {
  if (typeof cell !== "string") return cell
  return kind === "statement" ? safeStatement(cell, secrets) : safeText(cell, secrets)
}

/** The schema of a row; TypeScript cannot derive its type through `Object.fromEntries`. */
const rowSchema = <C extends Columns>(columns: C): Schema.Codec<RowOf<C>, RowOf<C>> =>
  Schema.Struct(
    Object.fromEntries(Object.entries(columns).map(([name, { schema }]) => [name, schema]))
  ) as unknown as Schema.Codec<RowOf<C>, RowOf<C>>

const judge = <R>(rule: Rule<R>, rows: ReadonlyArray<R>, input: CheckInput): RuleOutcome => {
  if ("judge" in rule) return rule.judge(rows, input)
  const failed = rows.filter((row) => rule.fails(row, input)).map(rule.describe)
  if (failed.length === 0) return { outcome: "pass", detail: "None." }
  return { outcome: "fail", detail: (rule.join ?? firstFew)(failed) }
}

export const define = <const C extends Columns>(definition: Definition<C>): Check => {
  const { columns, nextSteps, rules = [], unseen } = definition
  const row = rowSchema(columns)
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(row)))
  const clean = (found: RowOf<C>, secrets: ReadonlyArray<string>): RowOf<C> =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [name, shown(found[name] as Cell, column, secrets)])
    ) as RowOf<C>
  return {
    ...definition,
    title: titles[definition.id],
    rules: rules.map(({ id, text }) => ({ id, text })),
    row: row as unknown as Schema.Codec<Row, Row>,
    read: (answer, input) =>
      Effect.map(decode(answer), (found) => {
        const rows = found.slice(0, input.limit).map((one) => clean(one, input.secrets))
        return {
          rows: rows as ReadonlyArray<Row>,
          isTruncated: found.length > input.limit,
          unseen: given(unseen?.(rows, input) ?? []),
          nextSteps: given(nextSteps(rows, input)),
          rules: rules.map((rule) => {
            const { detail, outcome } = judge(rule, rows, input)
            return { id: rule.id, text: rule.text, outcome, detail }
          })
        }
      })
  }
}

/** The command line of another check. */
export const commandOf = (id: CheckId): string => `effect-supavisor inspect ${id}`
