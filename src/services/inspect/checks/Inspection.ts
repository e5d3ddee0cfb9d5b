/** What a check found, in the form it is handed on and printed as JSON. */
import * as Schema from "effect/Schema"
import { outcomes } from "./Check.ts"
import { checkIds } from "./CheckTitles.ts"
import { Cell } from "./Column.ts"

/** Counts changes of the form that a reader must know of; a new field is none. */
export const INSPECTION_VERSION = 1

const RuleResult = Schema.Struct({
  id: Schema.String,
  /** What should be so. */
  text: Schema.String,
  /** `unknown` where there was too little to judge by. */
  outcome: Schema.Literals(outcomes),
  detail: Schema.String
})

/** How a rule came out. */
export type RuleResult = typeof RuleResult.Type

const Server = Schema.Struct({
  host: Schema.String,
  port: Schema.Number,
  database: Schema.String,
  role: Schema.String,
  version: Schema.String
})

/** What one check found. Spans are milliseconds, sizes bytes, shares fractions of 1, instants ISO 8601. */
export const Inspection = Schema.Struct({
  version: Schema.Literal(INSPECTION_VERSION),
  check: Schema.Literals(checkIds),
  /** What it shows. */
  title: Schema.String,
  /** When it was input, by the server's clock. */
  at: Schema.String,
  server: Server,
  /** How long the answer took, in milliseconds. */
  tookMillis: Schema.Number,
  /** `unavailable`: the server does not have what it asks for, or not for this role; `failed`: it gave no answer. */
  status: Schema.Literals(["answered", "unavailable", "failed"]),
  /** Why there is no answer; null when there is one. */
  reason: Schema.NullOr(Schema.String),
  /** The worst first; the columns are those of the check. */
  rows: Schema.Array(Schema.Record(Schema.String, Cell)),
  /** Whether there are more rows than were input for. */
  isTruncated: Schema.Boolean,
  /** What it means that there is no row; null when there is one. */
  empty: Schema.NullOr(Schema.String),
  /** What the role could not see, or nobody knows. */
  unseen: Schema.Array(Schema.String),
  nextSteps: Schema.Array(Schema.String),
  rules: Schema.Array(RuleResult)
})

export type Inspection = typeof Inspection.Type
