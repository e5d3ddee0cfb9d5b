/** The answers of the readiness and startup probes. Pure. */
import { causeTexts, type DegradedCause, type Health, isReady } from "../services/observability/health/Health.ts"

/** One check: failed with a `reason`, passed with a `limit`, or passed. */
export interface ReadinessCheck {
  readonly name: string
  readonly reason?: string | undefined
  readonly limit?: string | undefined
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: ReadonlyArray<ReadinessCheck>
}

const poolReasons: { readonly [Tag in Health["state"]["_tag"]]: string | undefined } = {
  Starting: "the pool is starting",
  Up: undefined,
  Degraded: undefined,
  Down: undefined,
  Draining: "the pool is draining"
}

/** Which check a limit belongs to. */
const limits: ReadonlyArray<readonly [name: string, cause: DegradedCause]> = [
  ["sessions", "saturated"],
  ["latency", "slow"],
  ["ceiling", "ceiling"],
  ["dials", "breaker"]
]

/** Ready while the health is Up or Degraded. */
export const readinessOf = (health: Health): Readiness => {
  const { state } = health
  const causes = state._tag === "Degraded" ? state.causes : []
  return {
    ready: isReady(health),
    checks: [
      { name: "pool", reason: poolReasons[state._tag] },
      { name: "database", reason: state._tag === "Down" ? state.reason.message : undefined },
      ...limits.map(([name, cause]) => ({ name, limit: causes.includes(cause) ? causeTexts[cause] : undefined }))
    ]
  }
}

/** Started once a session was opened, or at once when the pool opens none before the first acquire. */
export const startupOf = ({ started, state }: Health): Readiness => {
  const reason = state._tag === "Down" ? state.reason.message : "no session was opened yet"
  return { ready: started, checks: [{ name: "session", reason: started ? undefined : reason }] }
}

/** One line: `ok`, with the limits, or the reasons. */
export const brief = ({ checks, ready }: Readiness): string => {
  if (!ready) return `not ready: ${checks.flatMap(({ reason }) => reason ?? []).join("; ")}`
  const limited = checks.flatMap(({ limit }) => limit ?? [])
  return limited.length === 0 ? "ok" : `ok, degraded: ${limited.join("; ")}`
}

const lineOf = ({ limit, name, reason }: ReadinessCheck): string => {
  if (reason !== undefined) return `[-]${name} failed: ${reason}`
  return limit === undefined ? `[+]${name} ok` : `[+]${name} ok, degraded: ${limit}`
}

/** One line for each check and one for the probe, as Kubernetes writes them (Kubernetes docs, API health endpoints). */
export const verbose = (probe: string, { checks, ready }: Readiness): string =>
  [...checks.map(lineOf), `${probe} check ${ready ? "passed" : "failed"}`, ""].join("\n")
