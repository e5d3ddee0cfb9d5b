/**
 * Fast path for Effect SQL statements when tracing is off.
 *
 * The statements differ from Effect's own in one respect: run as they are, without a tracer that exports spans (Effect's
 * documentation of `nativeTracer` recommends this very comparison) and without a transformer, they go straight to a
 * session. The text of a template is compiled once for all its uses.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Fiber from "effect/Fiber"
import type { SqlClient, TransactionConnection } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import { nativeTracer } from "effect/Tracer"
import type { Transform } from "../pool/SessionLease.ts"
import { SessionLease } from "../pool/SessionLease.ts"
import type { RunStatement } from "../pool/StatementPipeline.ts"
import { Pipelining } from "./Pipelining.ts"
import { asRows } from "../session/ResultForm.ts"

type Rows = Effect.Effect<ReadonlyArray<object>, SqlError>

/** A statement that is not compiled yet: a template with plain values, or a text with its parameters. */
interface FastStatement extends Statement.Statement<object> {
  readonly template: TemplateStringsArray | string
  readonly args: ReadonlyArray<unknown>
}

type Writable = { -readonly [Name in "template" | "args"]: FastStatement[Name] }

export interface FastPathOptions {
  readonly run: RunStatement
  readonly transactionService: Context.Service<TransactionConnection, TransactionConnection.Service>
  readonly transformRows: Transform
  /** Default: `findEvaluationKey`. */
  readonly findKey?: typeof findEvaluationKey
}

const NO_PARAMETERS: ReadonlyArray<unknown> = []

/** Whether a value is sent as a parameter, and is no part of the statement's text. */
const isPlain = (value: unknown): boolean =>
  typeof value !== "object" ||
  value === null ||
  Array.isArray(value) ||
  value instanceof Date ||
  ArrayBuffer.isView(value)

/** The property by which Effect evaluates an effect, found by its value because its name is internal to Effect. */
const findEvaluationKey = (sample: object, evaluate: unknown): PropertyKey | undefined =>
  Reflect.ownKeys(sample).find((name) => Reflect.get(sample, name) === evaluate)

/**
 * The same client, whose statements take the fast path where they can. Under an Effect that evaluates its effects in
 * another way the client is returned as it is, and one warning is logged.
 */
export const withFastPath = <Client extends SqlClient>(
  client: Client,
  options: FastPathOptions
): Effect.Effect<Client> =>
  Effect.suspend(() => {
    const { findKey = findEvaluationKey, run, transactionService, transformRows } = options
    const texts = new WeakMap<TemplateStringsArray, string>()
    const sample = client.unsafe("select 1")
    const stockPrototype = Object.getPrototypeOf(sample)

    const toStock = ({ args, template }: FastStatement): Statement.Statement<object> =>
      typeof template === "string"
        ? client.unsafe(template, args === NO_PARAMETERS ? undefined : args)
        : client(template, ...args)

    const textOf = (statement: FastStatement): string => {
      const { template } = statement
      if (typeof template === "string") return template
      let text = texts.get(template)
      if (text === undefined) texts.set(template, (text = toStock(statement).compile()[0]))
      return text
    }

    const evaluate = function (this: FastStatement, fiber: Fiber.Fiber<unknown, unknown>): Rows {
      const { tracer } = fiber.cache
      const isTraced = tracer !== undefined && tracer !== nativeTracer
      if (isTraced || fiber.getRef(Statement.CurrentTransformer) !== undefined) return stockEvaluate.call(this, fiber)
      const transaction = Context.getOrUndefined(fiber.context, transactionService)
      if (transaction === undefined) {
        const isShared = fiber.getRef(Pipelining)
        return run(fiber, textOf(this), this.args, { transform: transformRows, isShared })
      }
      const [connection] = transaction
      return transformRows === undefined && connection instanceof SessionLease
        ? connection.runNow(asRows, textOf(this), this.args, true)
        : connection.execute(textOf(this), this.args, transformRows)
    }
    const key = findKey(
      Effectable.Prototype<FastStatement>({ label: "Statement", evaluate: evaluate as never }),
      evaluate
    )
    const stockEvaluate = key === undefined ? undefined : stockPrototype[key]
    if (key === undefined || typeof stockEvaluate !== "function") {
      const warning = "This version of Effect evaluates statements in an unknown way: they run without the fast path."
      return Effect.as(Effect.logWarning(warning), client)
    }

    const prototype: object = Object.assign(Object.create(stockPrototype), sample)
    Reflect.deleteProperty(prototype, "segments")
    Object.defineProperties(prototype, {
      [key]: { value: evaluate },
      segments: {
        get(this: FastStatement) {
          return toStock(this).segments
        }
      }
    })

    const construct = function (
      this: Writable,
      template: FastStatement["template"],
      args: FastStatement["args"]
    ): void {
      this.template = template
      this.args = args
    }
    construct.prototype = prototype
    const Fast = construct as unknown as new (
      template: FastStatement["template"],
      args: FastStatement["args"]
    ) => FastStatement

    const sql = (template: TemplateStringsArray | string, ...args: ReadonlyArray<unknown>): unknown =>
      typeof template === "object" && args.every(isPlain)
        ? new Fast(template, args)
        : Reflect.apply(client, undefined, [template, ...args])

    const fast = Object.assign(sql, client, {
      unsafe: (text: string, params: ReadonlyArray<unknown> = NO_PARAMETERS) => new Fast(text, params)
    }) as unknown as Client
    return Effect.succeed(Object.assign(fast, { safe: fast }))
  })
