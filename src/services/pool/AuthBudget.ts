/**
 * Authentication failures, counted together for all pools of the process that log in at the same place as the same
 * role: the pooler counts them together as well, and blocks the address they share.
 */
import type * as Clock from "effect/Clock"

/** A pool that wants to hear of failures elsewhere. */
export interface BudgetMember {
  readonly onAuthFailures: (failures: ReadonlyArray<number>) => void
}

/** More than the gate ever looks at: it pauses after three. */
const MAX_FAILURES = 10

export class AuthBudget {
  private failures: ReadonlyArray<number> = []
  private readonly members = new Set<BudgetMember>()

  /** Joins the count, and hears at once of what was counted before. */
  join(member: BudgetMember): void {
    this.members.add(member)
    if (this.failures.length > 0) member.onAuthFailures(this.failures)
  }

  leave(member: BudgetMember): void {
    this.members.delete(member)
  }

  /** Counts one failure of a member; the others hear of it. */
  add(at: number, from: BudgetMember): void {
    this.failures = [...this.failures, at].slice(-MAX_FAILURES)
    for (const member of this.members) if (member !== from) member.onAuthFailures(this.failures)
  }
}

/** By clock, because the times of different clocks (a test's for one) cannot be compared; then by endpoint and role. */
const budgets = new WeakMap<Clock.Clock, Map<string, AuthBudget>>()

/** The budget of one endpoint and role. */
export const authBudget = (clock: Clock.Clock, key: string): AuthBudget => {
  let ofClock = budgets.get(clock)
  if (ofClock === undefined) budgets.set(clock, (ofClock = new Map()))
  let budget = ofClock.get(key)
  if (budget === undefined) ofClock.set(key, (budget = new AuthBudget()))
  return budget
}
