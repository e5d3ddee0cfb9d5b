/** A check: one question to the server, its typed answer, and what a person does next. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ConnectionType } from "../../config/SessionConfig.ts"
import { type CheckId, titles } from "./CheckTitles.ts"
import type { Cell, Column, Columns, RowOf } from "./Column.ts"
import type { ServerFacts } from "./ServerFacts.ts"
import { safeStatement, safeText } from "./SafeText.ts"

/** What a check is about: the connections and who shares them, or the database itself. */
export type Subject = "connections" | "database"

/** What is known when a check is input. */
export interface CheckInput {
  readonly facts: ServerFacts
  /** Rows at most. */
  readonly limit: number
  /** What counts as long for a statement, in milliseconds. */
  readonly longerThanMillis: number
  /** The name our sessions carry. */
  readonly applicationName: string
  /** Sessions one process of ours may open. */
  readonly poolMax: number
  readonly connectionType: ConnectionType
  /** Sessions the pooler grants to the role; undefined where nobody said so. */
  readonly poolerSize: number | undefined
  /** How long a transaction of ours may idle, in milliseconds. */
  readonly idleInTransactionMillis: number
  /** What must not be shown, should a word of the server contain it. */
  readonly secrets: ReadonlyArray<string>
}

/** A statement and its parameters. */
export interface CheckQuery {
  readonly sql: string
  readonly params?: ReadonlyArray<string>
}

/** How a rule came out; `unknown` where there was too little to judge by. */
export const outcomes = ["pass", "fail", "unknown"] as const

export type Outcome = (typeof outcomes)[number]

/** What a rule found. */
export interface RuleOutcome {
  readonly outcome: Outcome
  readonly detail: string
}

/** Something that should be so. */
export interface Rule<Row> {
  readonly id: string
  /** As a sentence that is true when the rule passes. */
  readonly text: string
  readonly judge: (rows: ReadonlyArray<Row>, input: CheckInput) => RuleOutcome
}

/** A check as its file writes it down. */
export interface Definition<C extends Columns> {
  readonly id: CheckId
  readonly subject: Subject
  /** What it counts, leaves out and estimates, and why. */
  readonly details: string
  readonly columns: C
  /** The worst first: only so many rows are read as are input for. A text instead says why it cannot be input. */
  readonly query: (
    input: CheckInput
  ) => CheckQuery | { readonly unavailable: string; readonly nextSteps: ReadonlyArray<string> }
  /** What it means when there is no row. */
  readonly empty: (input: CheckInput) => string
  readonly nextSteps: (rows: ReadonlyArray<RowOf<C>>, input: CheckInput) => ReadonlyArray<string>
  /** What the role could not see, or nobody knows. */
  readonly unseen?: (rows: ReadonlyArray<RowOf<C>>, input: CheckInput) => ReadonlyArray<string>
  readonly rules?: ReadonlyArray<Rule<RowOf<C>>>
}

/** A row whose columns are not known by name. */
export type Row = Readonly<Record<string, Cell>>

/** What is made of an answer. */
export interface CheckOutput {
  readonly rows: ReadonlyArray<Row>
  readonly isTruncated: boolean
  readonly unseen: ReadonlyArray<string>
  readonly nextSteps: ReadonlyArray<string>
  readonly rules: ReadonlyArray<RuleOutcome & { readonly id: string; readonly text: string }>
}

/** A check, with the types of its rows kept to itself. */
export interface Check extends Omit<Definition<Columns>, "nextSteps" | "unseen" | "rules"> {
  /** What it shows, as a sentence without a full stop. */
  readonly title: string
  /** Its rules by what they ask for. */
  readonly rules: ReadonlyArray<{ readonly id: string; readonly text: string }>
  /** The form of one row, for whoever reads the JSON. */
  readonly row: Schema.Codec<Row, Row>
  /** Reads the answer, a JSON array; one row more than input for says that there are more. */
  readonly read: (answer: unknown, input: CheckInput) => Effect.Effect<CheckOutput, Schema.SchemaError>
}

const shown = (cell: Cell, { kind }: Column, secrets: ReadonlyArray<string>): Cell => {
  if (typeof cell !== "string") return cell
  return kind === "statement" ? safeStatement(cell, secrets) : safeText(cell, secrets)
}

/** The schema of a row; its type is the columns' own, which TypeScript cannot follow through the mapping. */
const rowSchema = <C extends Columns>(columns: C): Schema.Codec<RowOf<C>, RowOf<C>> =>
  Schema.Struct(
    Object.fromEntries(Object.entries(columns).map(([name, { schema }]) => [name, schema]))
  ) as unknown as Schema.Codec<RowOf<C>, RowOf<C>>

/** Makes a check of its definition. */
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
          unseen: unseen?.(rows, input) ?? [],
          nextSteps: nextSteps(rows, input),
          rules: rules.map((rule) => {
            const { detail, outcome } = rule.judge(rows, input)
            return { id: rule.id, text: rule.text, outcome, detail }
          })
        }
      })
  }
}

/** The command of another check, as it is typed. */
export const commandOf = (id: CheckId): string => `effect-supavisor inspect ${id}`

/** A rule that passes where no row offends; `offence` words the rows that do. */
export const failWhen =
  <R>(offends: (row: R, input: CheckInput) => boolean, offence: (rows: ReadonlyArray<R>) => string) =>
  (rows: ReadonlyArray<R>, input: CheckInput): RuleOutcome => {
    const offenders = rows.filter((row) => offends(row, input))
    return offenders.length === 0
      ? { outcome: "pass", detail: "None." }
      : { outcome: "fail", detail: offence(offenders) }
  }
