/** Authentication failures of all pools of an endpoint and role: the pooler adds them up and blocks their address. */
import type * as Clock from "effect/Clock"
import type { SessionError } from "../errors/SessionError.ts"

export interface BudgetMember {
  /** `last` is the latest failure. */
  readonly onAuthFailures: (failures: ReadonlyArray<number>, last: SessionError) => void
}

/** More than the dial backoff needs, which pauses after three. */
const MAX_FAILURES = 10

export class AuthBudget {
  private failures: ReadonlyArray<number> = []
  private last: SessionError | undefined = undefined
  private readonly members = new Set<BudgetMember>()

  /** Adds a pool and notifies it at once of the failures so far. */
  join(member: BudgetMember): void {
    this.members.add(member)
    if (this.last !== undefined) member.onAuthFailures(this.failures, this.last)
  }

  leave(member: BudgetMember): void {
    this.members.delete(member)
  }

  /** Adds a failure of one pool and notifies the others. */
  add(at: number, error: SessionError, from: BudgetMember): void {
    this.last = error
    this.failures = [...this.failures, at].slice(-MAX_FAILURES)
    for (const member of this.members) if (member !== from) member.onAuthFailures(this.failures, error)
  }
}

/** By clock, because the times of different clocks (as in tests) cannot be compared; then by endpoint and role. */
const budgets = new WeakMap<Clock.Clock, Map<string, AuthBudget>>()

export const authBudget = (clock: Clock.Clock, endpointAndRole: string): AuthBudget => {
  let byKey = budgets.get(clock)
  if (byKey === undefined) budgets.set(clock, (byKey = new Map()))
  let budget = byKey.get(endpointAndRole)
  if (budget === undefined) byKey.set(endpointAndRole, (budget = new AuthBudget()))
  return budget
}
