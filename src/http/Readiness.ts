/** Whether the pool can lend, in the words of a probe; pure, from the pool's own picture of itself. */
import type { PoolSnapshot } from "../services/pool/Snapshot.ts"

/** One thing that was looked at; `reason` is undefined when it is well. */
export interface Check {
  readonly name: string
  readonly reason: string | undefined
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: ReadonlyArray<Check>
}

const phaseReasons: { readonly [Phase in PoolSnapshot["phase"]]: string | undefined } = {
  starting: "the pool is starting",
  open: undefined,
  draining: "the pool is draining",
  closed: "the pool is closed"
}

const sessionsReason = ({ lastFailure, open }: PoolSnapshot): string | undefined => {
  if (open > 0) return undefined
  return lastFailure === undefined ? "no session is open" : `no session is open: ${lastFailure.message}`
}

/** Ready while the pool is open and has at least one session open. */
export const readinessOf = (snapshot: PoolSnapshot): Readiness => {
  const checks = [
    { name: "pool", reason: phaseReasons[snapshot.phase] },
    { name: "sessions", reason: sessionsReason(snapshot) }
  ]
  return { ready: checks.every(({ reason }) => reason === undefined), checks }
}

/** One line: `ok`, or why not. */
export const brief = ({ checks, ready }: Readiness): string =>
  ready ? "ok" : `not ready: ${checks.flatMap(({ reason }) => reason ?? []).join("; ")}`

/** One line per check and the verdict, as Kubernetes writes them (Kubernetes docs, API health endpoints). */
export const verbose = (probe: string, checks: ReadonlyArray<Check>): string =>
  [
    ...checks.map(({ name, reason }) => (reason === undefined ? `[+]${name} ok` : `[-]${name} failed: ${reason}`)),
    `${probe} check ${checks.every(({ reason }) => reason === undefined) ? "passed" : "failed"}`,
    ""
  ].join("\n")
