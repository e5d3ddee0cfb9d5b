/** The verdict on the pool: the one sentence that `/status`, the page and the CLI show. Pure. */
import { counted, sentence, wordMillis } from "../../errors/Wording.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { DegradedCause, Health, HealthState } from "./Health.ts"

export interface Verdict {
  readonly level: Lowercase<HealthState["_tag"]>
  /** The level as a heading. */
  readonly word: HealthState["_tag"]
  /** One sentence with current numbers. */
  readonly reason: string
  readonly remedy: string | undefined
  /** Stays the same while only numbers change. */
  readonly key: string
  /** Wall-clock milliseconds. */
  readonly since: number
}

/** What a verdict is computed from. `lastFailure` has no secrets in its message. */
export interface VerdictInput {
  readonly health: Health
  readonly pool: Pick<PoolSnapshot, "ceiling" | "max" | "used" | "waiting" | "oldestWaitMillis">
  readonly lastFailure: { readonly message: string } | null
}

type PoolNumbers = VerdictInput["pool"]

const waiting = ({ oldestWaitMillis, waiting }: PoolNumbers): ReadonlyArray<string> =>
  waiting === 0 ? [] : [`${counted(waiting, "caller waits", "callers wait")} (oldest ${wordMillis(oldestWaitMillis)})`]

const granted = ({ ceiling, max }: PoolNumbers): number => Math.min(ceiling, max)

const isFull = (pool: PoolNumbers): boolean => pool.used > 0 && pool.used >= granted(pool)

const allInUse = (pool: PoolNumbers): string => `all ${counted(granted(pool), "session")} are in use`

const causes: { readonly [Cause in DegradedCause]: (input: VerdictInput) => string } = {
  saturated: ({ pool }) => (isFull(pool) ? allInUse(pool) : "all sessions were in use at the last check"),
  slow: ({ health }) => `the server answers slowly (${wordMillis(health.latencyMillis ?? 0)} at the last check)`,
  ceiling: ({ pool }) => `the server grants ${granted(pool)} of ${counted(pool.max, "session")}`,
  breaker: ({ lastFailure }) =>
    lastFailure === null ? "new sessions cannot be opened" : `new sessions cannot be opened: ${lastFailure.message}`
}

/** The reasons, the cause that is part of the key, and the remedy. */
const reasonOf = (
  input: VerdictInput
): { readonly reason: string; readonly cause?: string; readonly remedy?: string } => {
  const { health, pool } = input
  const { state } = health
  switch (state._tag) {
    case "Starting":
      return { reason: "no session was opened yet" }
    case "Up":
      return { reason: [isFull(pool) ? allInUse(pool) : "the database answers", ...waiting(pool)].join(", ") }
    case "Degraded":
      return {
        reason: [...state.causes.map((cause) => causes[cause](input)), ...waiting(pool)].join(", "),
        cause: state.causes.join("+")
      }
    case "Down":
      return {
        reason: [state.reason.message, ...waiting(pool)].join("; "),
        cause: state.reason.code,
        remedy: state.reason.remedy
      }
    case "Draining": {
      const inUse = pool.used === 0 ? "no session is" : counted(pool.used, "session is still", "sessions are still")
      return { reason: `no new work is accepted, ${inUse} in use` }
    }
  }
}

export const verdictOf = (input: VerdictInput): Verdict => {
  const { since, state } = input.health
  const { cause = "", reason, remedy } = reasonOf(input)
  const level = state._tag.toLowerCase() as Verdict["level"]
  return {
    level,
    word: state._tag,
    reason: sentence(reason.charAt(0).toUpperCase() + reason.slice(1)),
    remedy,
    key: `${level}/${cause}`,
    since
  }
}
