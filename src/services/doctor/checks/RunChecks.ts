/** Runs the checks one after the other: skips what depends on a failure, bounds each, and never fails itself. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { isSqlError } from "effect/sql/SqlError"
import { isSessionError } from "../../errors/SessionError.ts"
import { checkCapacity } from "./CapacityCheck.ts"
import { type CheckId, checks } from "./Checks.ts"
import { statementFailure } from "./Client.ts"
import { checkConfig, checkEndpoint } from "./ConfigurationChecks.ts"
import { type Check, type Examination, failed, type Finding } from "./DoctorContext.ts"
import { checkLatency, checkClock, checkServer } from "./ServerChecks.ts"
import { checkLogin } from "./LoginCheck.ts"
import type { Mask } from "./Masking.ts"
import { checkCancel, checkListen } from "./MessageChecks.ts"
import { checkNames } from "./NameCheck.ts"
import { checkPooler } from "./PoolerCheck.ts"
import { checkRoute, checkTcp } from "./ReachChecks.ts"
import type { CheckResult, Status } from "./Report.ts"
import { checkSession } from "./SessionCheck.ts"
import { checkSettings } from "./SettingsCheck.ts"
import { checkTls } from "./TlsCheck.ts"
import { wordTime } from "./Wording.ts"
import { listed } from "../../errors/Wording.ts"

const bodies: Readonly<Record<CheckId, Check>> = {
  config: checkConfig,
  endpoint: checkEndpoint,
  dns: checkNames,
  route: checkRoute,
  tcp: checkTcp,
  tls: checkTls,
  login: checkLogin,
  session: checkSession,
  settings: checkSettings,
  listen: checkListen,
  cancel: checkCancel,
  capacity: checkCapacity,
  clock: checkClock,
  server: checkServer,
  pooler: checkPooler,
  latency: checkLatency
}

/** A check bounds its own waits; this much longer than the limit it is cut off from outside, in milliseconds. */
const GRACE_MILLIS = 1000

/** The session proof logs in a second time, the capacity check may look and probe: two limits, not one. */
const LIMITS_OF: Partial<Record<CheckId, number>> = { session: 2, cancel: 2, capacity: 2 }

const FAILED: ReadonlySet<Status> = new Set(["fail", "skip"])

const usesSession = (id: CheckId): boolean => id !== "login" && id !== "pooler" && checks[id].needs.some(isBehindLogin)

const isBehindLogin = (id: CheckId): boolean => id === "login" || checks[id].needs.some(isBehindLogin)

/** A finding as a result, without secrets. */
export const toResult = (id: CheckId, finding: Finding, mask: Mask): CheckResult => ({
  id,
  component: finding.component ?? checks[id].component,
  target: mask.text(finding.target),
  status: finding.status,
  ms: finding.millis === undefined ? null : Math.round(finding.millis * 10) / 10,
  details: mask.text(finding.details),
  action:
    finding.action === undefined
      ? null
      : { text: mask.text(finding.action.text), commands: finding.action.commands.map(mask.command) }
})

const findingOf = (examination: Examination, error: unknown): Finding => {
  const target = examination.place
  if (isSessionError(error)) return failed(examination, error, { target })
  if (isSqlError(error)) return failed(examination, statementFailure(examination, error), { target })
  const words = error instanceof Error ? error.message : String(error)
  return {
    target,
    status: "fail",
    details: `the check itself failed: ${words}`,
    action: { text: "Report this with the output of --json; it is a bug.", commands: [] }
  }
}

/** What a caller hears while it runs. */
export interface Hearing {
  readonly onStart: (id: CheckId) => Effect.Effect<void>
  readonly onResult: (result: CheckResult) => Effect.Effect<void>
}

/** A check that would not end. */
class Endless extends Data.TaggedError("Endless")<{ readonly message: string }> {}

/** Ends all sessions when the time is over, so that whatever waits on them comes back. */
const bounded = (examination: Examination, id: CheckId, effect: Effect.Effect<void, unknown>) => {
  const limit = examination.limitMillis * (LIMITS_OF[id] ?? 1) + GRACE_MILLIS
  return Effect.raceFirst(
    effect,
    Effect.flatMap(Effect.sleep(limit), () => {
      examination.hangUp()
      return Effect.fail(new Endless({ message: `no end within ${wordTime(limit)}; the session was given up` }))
    })
  )
}

/**
 * Runs the checks in order. Succeeds with all results; a check that fails in an unforeseen way is a result too. Sessions
 * are closed when the scope is.
 */
export const runChecks = Effect.fnUntraced(function* (
  examination: Examination,
  ids: ReadonlyArray<CheckId>,
  mask: Mask,
  hearing: Hearing
): Effect.fn.Return<ReadonlyArray<CheckResult>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const results: Array<CheckResult> = []
  const blocked = new Set<CheckId>()
  for (const id of ids) {
    const said: Array<Status> = []
    const say = (finding: Finding): Effect.Effect<void> =>
      Effect.suspend(() => {
        const result = toResult(id, finding, mask)
        said.push(result.status)
        results.push(result)
        return hearing.onResult(result)
      })
    const causes = checks[id].needs.filter((need) => blocked.has(need))
    yield* hearing.onStart(id)
    if (causes.length > 0) {
      yield* say({ target: "-", status: "skip", details: `${listed(causes)} did not succeed` })
    } else if (usesSession(id) && examination.client === undefined) {
      yield* say({ target: "-", status: "skip", details: "the session was given up in an earlier check" })
    } else {
      const exit = yield* Effect.exit(bounded(examination, id, Scope.provide(bodies[id](examination, say), scope)))
      if (Exit.isFailure(exit)) yield* say(findingOf(examination, Cause.squash(exit.cause)))
    }
    if (said.some((status) => FAILED.has(status))) blocked.add(id)
  }
  return results
})
