/**
 * Statements of Effect SQL that take the short way to the pool when nobody watches the long one.
 *
 * They are Effect's own statements in everything but one: run as they are, outside of a transaction, without a tracer
 * that exports spans (Effect's documentation of `nativeTracer` advises this very comparison) and without a transformer,
 * they go straight to a session. The text of a template is put together once for all its uses.
 */
import * as Context from "effect/Context"
import * as Effectable from "effect/Effectable"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { SqlClient, TransactionConnection } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { nativeTracer } from "effect/Tracer"
import type { Transform } from "../pool/DirectStatement.ts"
import { LeasedSession } from "../pool/LeasedSession.ts"
import type { RunStatement } from "../pool/StatementPipeline.ts"
import { Pipelining } from "./Pipelining.ts"
import { asRows } from "../session/ResultForm.ts"

type Rows = Effect.Effect<ReadonlyArray<object>, SqlError>

/** A statement as it is made: a template with plain values, or a text that somebody else answers for. */
interface Quick extends Statement.Statement<object> {
  readonly template: TemplateStringsArray | string
  readonly args: ReadonlyArray<unknown>
}

type Writable = { -readonly [Name in "template" | "args"]: Quick[Name] }

export interface FastPathOptions {
  readonly run: RunStatement
  readonly transactionService: Context.Service<TransactionConnection, TransactionConnection.Service>
  readonly transformRows: Transform
}

/** Those of a text without any. */
const NO_PARAMETERS: ReadonlyArray<unknown> = []

/** Whether a value is sent as it is, and is no part of the statement's text. */
const isPlain = (value: unknown): boolean =>
  typeof value !== "object" ||
  value === null ||
  Array.isArray(value) ||
  value instanceof Date ||
  ArrayBuffer.isView(value)

/** The property by which Effect runs a value; found, not named, because its name is Effect's own. */
const evaluationKey = (sample: object, evaluate: unknown): PropertyKey => {
  const key = Reflect.ownKeys(sample).find((name) => Reflect.get(sample, name) === evaluate)
  if (key === undefined) throw new Error("This version of Effect runs its effects in another way")
  return key
}

/** The same client, whose statements take the short way where they can. */
export const withFastPath = <Client extends SqlClient>(client: Client, options: FastPathOptions): Client => {
  const { run, transactionService, transformRows } = options
  const texts = new WeakMap<TemplateStringsArray, string>()
  const sample = client.unsafe("select 1")
  const usual = Object.getPrototypeOf(sample)

  const stock = ({ args, template }: Quick): Statement.Statement<object> =>
    typeof template === "string"
      ? client.unsafe(template, args === NO_PARAMETERS ? undefined : args)
      : client(template, ...args)

  const textOf = (quick: Quick): string => {
    const { template } = quick
    if (typeof template === "string") return template
    let text = texts.get(template)
    if (text === undefined) texts.set(template, (text = stock(quick).compile()[0]))
    return text
  }

  const evaluate = function (this: Quick, fiber: Fiber.Fiber<unknown, unknown>): Rows {
    const { tracer } = fiber.cache
    const isWatched = tracer !== undefined && tracer !== nativeTracer
    if (isWatched || fiber.getRef(Statement.CurrentTransformer) !== undefined) return usual[key].call(this, fiber)
    const transaction = Context.getOrUndefined(fiber.context, transactionService)
    if (transaction === undefined) {
      const isShared = fiber.getRef(Pipelining)
      return run(fiber, textOf(this), this.args, { transform: transformRows, isShared })
    }
    const [connection] = transaction
    return transformRows === undefined && connection instanceof LeasedSession
      ? connection.runNow(asRows, textOf(this), this.args, true)
      : connection.execute(textOf(this), this.args, transformRows)
  }
  const runs = Effectable.Prototype<Quick>({ label: "Statement", evaluate: evaluate as never })
  const key = evaluationKey(runs, evaluate)

  const prototype: object = Object.assign(Object.create(usual), sample)
  Reflect.deleteProperty(prototype, "segments")
  Object.defineProperties(prototype, {
    [key]: { value: evaluate },
    segments: {
      get(this: Quick) {
        return stock(this).segments
      }
    }
  })

  const make = function (this: Writable, template: Quick["template"], args: Quick["args"]): void {
    this.template = template
    this.args = args
  }
  make.prototype = prototype
  const QuickStatement = make as unknown as new (template: Quick["template"], args: Quick["args"]) => Quick

  const sql = (template: TemplateStringsArray | string, ...args: ReadonlyArray<unknown>): unknown =>
    typeof template === "object" && args.every(isPlain)
      ? new QuickStatement(template, args)
      : Reflect.apply(client, undefined, [template, ...args])

  const quick = Object.assign(sql, client, {
    unsafe: (text: string, params: ReadonlyArray<unknown> = NO_PARAMETERS) => new QuickStatement(text, params)
  }) as unknown as Client
  return Object.assign(quick, { safe: quick })
}
