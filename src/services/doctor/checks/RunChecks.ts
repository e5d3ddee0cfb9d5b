/** Runs the checks in order, each within a time limit; skips the checks that depend on a failed one. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { advise } from "./Actions.ts"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { isSqlError } from "effect/sql/SqlError"
import { isSessionError } from "../../errors/SessionError.ts"
import { checkCapacity } from "./CapacityCheck.ts"
import { type CheckId, checks } from "./CheckDefinitions.ts"
import { statementError } from "./DoctorClient.ts"
import { checkConfig, checkEndpoint } from "./ConfigurationChecks.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult } from "./DoctorContext.ts"
import { checkLatency, checkClock, checkServer } from "./ServerChecks.ts"
import { checkLogin } from "./LoginCheck.ts"
import type { Mask } from "./Masking.ts"
import { checkCancel, checkListen } from "./MessageChecks.ts"
import { checkDns } from "./DnsCheck.ts"
import { checkPooler } from "./PoolerCheck.ts"
import { checkRoute, checkTcp } from "./ReachChecks.ts"
import type { CheckResult, CheckStatus } from "./DoctorReport.ts"
import { checkSession } from "./SessionCheck.ts"
import { checkSettings } from "./SettingsCheck.ts"
import { checkTls } from "./TlsCheck.ts"
import { listed, wordMillis } from "../../errors/Wording.ts"

const bodies: Readonly<Record<CheckId, CheckFunction>> = {
  config: checkConfig,
  endpoint: checkEndpoint,
  dns: checkDns,
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

/** A check keeps its own limit; one that exceeds it by this many milliseconds is stopped. */
const GRACE_MILLIS = 1000

/** Checks that log in again or probe get two limits. */
const LIMIT_FACTORS: Partial<Record<CheckId, number>> = { session: 2, cancel: 2, capacity: 2 }

const BLOCKING: ReadonlySet<CheckStatus> = new Set(["fail", "skip"])

const usesSession = (id: CheckId): boolean => id !== "login" && id !== "pooler" && checks[id].needs.some(isBehindLogin)

const isBehindLogin = (id: CheckId): boolean => id === "login" || checks[id].needs.some(isBehindLogin)

/** Removes secrets from a result. */
export const toResult = (id: CheckId, result: RawResult, mask: Mask): CheckResult => ({
  id,
  component: result.component ?? checks[id].component,
  target: mask.text(result.target),
  status: result.status,
  ms: result.millis === undefined ? null : Math.round(result.millis * 10) / 10,
  details: mask.text(result.details),
  action:
    result.action === undefined
      ? null
      : { text: mask.text(result.action.text), commands: result.action.commands.map(mask.command) }
})

const unexpectedFailure = (context: DoctorContext, error: unknown): RawResult => {
  const target = context.hostAndPort
  if (isSessionError(error)) return failedResult(context, error, { target })
  if (isSqlError(error)) return failedResult(context, statementError(context, error), { target })
  const message = error instanceof Error ? error.message : String(error)
  return {
    target,
    status: "fail",
    details: `the check itself failed: ${message}`,
    action: advise("This is a bug: report it with the output of --json.")
  }
}

/** Called while the checks run. */
export interface RunCallbacks {
  readonly onStart: (id: CheckId) => Effect.Effect<void>
  readonly onResult: (result: CheckResult) => Effect.Effect<void>
}

class CheckTimedOut extends Data.TaggedError("CheckTimedOut")<{ readonly message: string }> {}

/** Destroys the connections at the limit, so that statements in flight fail. */
const bounded = (context: DoctorContext, id: CheckId, effect: Effect.Effect<void, unknown>) => {
  const limit = context.limitMillis * (LIMIT_FACTORS[id] ?? 1) + GRACE_MILLIS
  return Effect.raceFirst(
    effect,
    Effect.flatMap(Effect.sleep(limit), () => {
      context.client?.destroy()
      context.second?.destroy()
      context.client = undefined
      context.second = undefined
      return Effect.fail(
        new CheckTimedOut({ message: `did not finish within ${wordMillis(limit)}; its connection was closed` })
      )
    })
  )
}

/** Runs the checks and succeeds with all results. The connections close with the scope. */
export const runChecks = Effect.fnUntraced(function* (
  context: DoctorContext,
  ids: ReadonlyArray<CheckId>,
  mask: Mask,
  callbacks: RunCallbacks
): Effect.fn.Return<ReadonlyArray<CheckResult>, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const results: Array<CheckResult> = []
  const blocked = new Set<CheckId>()
  for (const id of ids) {
    const statuses: Array<CheckStatus> = []
    const emit = (raw: RawResult): Effect.Effect<void> =>
      Effect.suspend(() => {
        const result = toResult(id, raw, mask)
        statuses.push(result.status)
        results.push(result)
        return callbacks.onResult(result)
      })
    const causes = checks[id].needs.filter((need) => blocked.has(need))
    yield* callbacks.onStart(id)
    if (causes.length > 0) {
      yield* emit({ target: "-", status: "skip", details: `${listed(causes)} did not succeed` })
    } else if (usesSession(id) && context.client === undefined) {
      yield* emit({ target: "-", status: "skip", details: "an earlier check closed the connection" })
    } else {
      const exit = yield* Effect.exit(bounded(context, id, Scope.provide(bodies[id](context, emit), scope)))
      if (Exit.isFailure(exit)) yield* emit(unexpectedFailure(context, Cause.squash(exit.cause)))
    }
    if (statuses.some((status) => BLOCKING.has(status))) blocked.add(id)
  }
  return results
})
