/** Whether work should be sent here, in the words of a probe; pure, from the health as it is known. */
import { causeWords, type DegradedCause, type Health, isReady } from "../services/observability/health/Health.ts"

/** One thing that was looked at; `reason` is undefined when it is well, `limit` when it is not limited either. */
export interface Check {
  readonly name: string
  readonly reason?: string | undefined
  readonly limit?: string | undefined
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: ReadonlyArray<Check>
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
      ...limits.map(([name, cause]) => ({ name, limit: causes.includes(cause) ? causeWords[cause] : undefined }))
    ]
  }
}

/** Started for good once there was a session, or at once when none is wanted before somebody asks for one. */
export const startOf = ({ started, state }: Health): Readiness => {
  const why = state._tag === "Down" ? state.reason.message : "no session was opened yet"
  return { ready: started, checks: [{ name: "session", reason: started ? undefined : why }] }
}

/** One line: `ok`, what limits it, or why not. */
export const brief = ({ checks, ready }: Readiness): string => {
  if (!ready) return `not ready: ${checks.flatMap(({ reason }) => reason ?? []).join("; ")}`
  const limited = checks.flatMap(({ limit }) => limit ?? [])
  return limited.length === 0 ? "ok" : `ok, degraded: ${limited.join("; ")}`
}

const lineOf = ({ limit, name, reason }: Check): string => {
  if (reason !== undefined) return `[-]${name} failed: ${reason}`
  return limit === undefined ? `[+]${name} ok` : `[+]${name} ok, degraded: ${limit}`
}

/** One line per check and the verdict, as Kubernetes writes them (Kubernetes docs, API health endpoints). */
export const verbose = (probe: string, { checks, ready }: Readiness): string =>
  [...checks.map(lineOf), `${probe} check ${ready ? "passed" : "failed"}`, ""].join("\n")
