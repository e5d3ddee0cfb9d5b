/** One level of a transaction: the outermost one, or a savepoint in it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Reactivity } from "effect/reactivity/Reactivity"
import type { TransactionConnection } from "effect/sql/SqlClient"
import type { SessionLease } from "../pool/SessionLease.ts"

/** The key of the level in the connection that Effect SQL keeps. */
const LEVEL = Symbol("effect-supavisor/TransactionLevel")

/** What Effect SQL keeps in the context of a transaction: the connection and its depth. */
export type Connection = readonly [lease: SessionLease, depth: number] & { readonly [LEVEL]?: TransactionLevel }

export type TransactionService = Context.Service<TransactionConnection, TransactionConnection.Service>

/**
 * Effect's `SqlResolver` finds the innermost transaction of any client under this name, so that requests inside and
 * outside of it do not share a batch (effect 4.1, internal/sql.ts).
 */
const CurrentTransactionService = Context.Reference<TransactionService | undefined>(
  "effect/sql/CurrentTransactionService",
  { defaultValue: () => undefined }
)

export class TransactionLevel {
  readonly connection: Connection
  readonly parent: TransactionLevel | undefined
  /** Whether effects can still be registered to run after the commit. */
  isOpen = true
  private isCommitted = false
  private callbacks: Array<Effect.Effect<void>> | undefined = undefined
  private turns: Semaphore.Semaphore | undefined = undefined

  constructor(lease: SessionLease, parent: TransactionLevel | undefined) {
    this.parent = parent
    const connection: [SessionLease, number] & { [LEVEL]?: TransactionLevel } = [
      lease,
      parent === undefined ? 0 : parent.connection[1] + 1
    ]
    // Not in a WeakMap, which every minor garbage collection would scan.
    connection[LEVEL] = this
    this.connection = connection
  }

  /** Runs the savepoints of one level one after another: they nest, and cannot overlap. */
  inTurn<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return (this.turns ??= Semaphore.makeUnsafe(1)).withPermit(effect)
  }

  /** The context of the effect that runs in the level. */
  contextIn<R>(context: Context.Context<R>, service: TransactionService): Context.Context<R> {
    const inside = Context.add(context, service, this.connection as unknown as TransactionConnection.Service)
    return Context.add(inside, CurrentTransactionService, service) as Context.Context<R>
  }

  add(callback: Effect.Effect<void>): void {
    ;(this.callbacks ??= []).push(callback)
  }

  /** Marks the level as committed. */
  committed(): Effect.Effect<void> {
    this.isCommitted = true
    return Effect.void
  }

  /** Ends the level. Its callbacks pass to the parent, or are returned to be run; a rollback discards them. */
  end(): Effect.Effect<void> | undefined {
    this.isOpen = false
    const { callbacks } = this
    if (!this.isCommitted || callbacks === undefined) return undefined
    if (this.parent === undefined) return Effect.forEach(callbacks, runAfterCommit, { discard: true })
    for (const callback of callbacks) this.parent.add(callback)
    return undefined
  }
}

/** The level of a connection in the context; undefined for a transaction that was begun elsewhere. */
export const levelOf = (connection: object | undefined): TransactionLevel | undefined =>
  (connection as Connection | undefined)?.[LEVEL]

/** A callback that fails must not make a committed transaction look failed. */
const runAfterCommit = <R>(effect: Effect.Effect<void, never, R>): Effect.Effect<void, never, R> =>
  Effect.ignoreCause(effect, { log: "Error", message: "An effect that runs after the commit failed" })

/** Runs an effect after the commit of its transaction; at once outside of a transaction. */
export const afterCommitOf =
  (service: TransactionService) =>
  <R>(effect: Effect.Effect<void, never, R>): Effect.Effect<void, never, R> =>
    Effect.withFiber((fiber) => {
      const level = levelOf(Context.getOrUndefined(fiber.context, service))
      if (level === undefined) return runAfterCommit(effect)
      for (let outer: TransactionLevel | undefined = level; outer !== undefined; outer = outer.parent) {
        if (!outer.isOpen) return Effect.die(new Error("afterCommit was called after the transaction had ended"))
      }
      // It runs with the current services, without the transaction.
      level.add(Effect.provideContext(effect, Context.omit(service)(fiber.context) as Context.Context<R>))
      return Effect.void
    })

/** `Reactivity` within a transaction: keys are invalidated after the commit. */
export const reactivityAfterCommit = (
  reactivity: Reactivity,
  afterCommit: (effect: Effect.Effect<void>) => Effect.Effect<void>
): Reactivity => {
  const invalidate: Reactivity["invalidate"] = (keys) =>
    afterCommit(Effect.sync(() => reactivity.invalidateUnsafe(keys)))
  return { ...reactivity, invalidate, mutation: (keys, effect) => Effect.tap(effect, invalidate(keys)) }
}
