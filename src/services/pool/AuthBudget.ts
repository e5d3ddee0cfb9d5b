/** Authentication failures of all pools of an endpoint and role: the pooler adds them up and blocks their address. */
import type * as Clock from "effect/Clock"

export interface BudgetMember {
  readonly onAuthFailures: (failures: ReadonlyArray<number>) => void
}

/** More than the dial backoff needs, which pauses after three. */
const MAX_FAILURES = 10

export class AuthBudget {
  private failures: ReadonlyArray<number> = []
  private readonly members = new Set<BudgetMember>()

  /** Adds a pool and notifies it at once of the failures so far. */
  join(member: BudgetMember): void {
    this.members.add(member)
    if (this.failures.length > 0) member.onAuthFailures(this.failures)
  }

  leave(member: BudgetMember): void {
    this.members.delete(member)
  }

  /** Adds a failure of one pool and notifies the others. */
  add(at: number, from: BudgetMember): void {
    this.failures = [...this.failures, at].slice(-MAX_FAILURES)
    for (const member of this.members) if (member !== from) member.onAuthFailures(this.failures)
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
