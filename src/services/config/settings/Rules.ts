/** Errors and warnings about combinations of settings. */
import * as Duration from "effect/Duration"
import { given, type OptionalTexts } from "../../errors/Wording.ts"
import { defaultPoolerSize } from "../PoolSizing.ts"
import { formatDuration } from "./Durations.ts"
import { exposureWarning } from "./Exposure.ts"
import type { FieldKey } from "./Fields.ts"
import type { Problem } from "./Problem.ts"
import { type Settings, SYSTEM_ROOTS } from "./Settings.ts"

/** The name of a setting in messages: its variable or its key, depending on the source of the settings. */
export type Naming = (key: FieldKey) => string

/** AWS Network Load Balancers drop a flow that was idle for 350 s (AWS docs, NLB connection idle timeout). */
const loadBalancerIdle = Duration.seconds(350)

/** By default Kubernetes kills a pod 30 s after SIGTERM (Kubernetes docs, pod termination). */
const platformGrace = Duration.seconds(30)

/** Below this the pool mostly logs in: every rotation is a TLS handshake and a SCRAM exchange. */
const shortestSensibleLifetime = Duration.minutes(1)

/** About one round trip between continents; below it the server cancels the pool's own probes. */
const shortestSensibleStatement = Duration.millis(100)

/** Contradictions between settings. Those in `refused` have no value and are not checked. */
export const problemsBetween = (
  settings: Settings,
  naming: Naming,
  refused: ReadonlySet<FieldKey>
): ReadonlyArray<Problem> => {
  const { pool, ssl } = settings
  const problems: Array<Problem> = []
  if (pool.min > pool.max && !refused.has("pool.min") && !refused.has("pool.max")) {
    problems.push({
      name: naming("pool.max"),
      received: String(pool.max),
      expected: `at least ${naming("pool.min")} (${pool.min})`,
      remedy: `Raise ${naming("pool.max")} or lower ${naming("pool.min")}`
    })
  }
  if (ssl.rootCert === SYSTEM_ROOTS && ssl.mode !== "verify-full" && !refused.has("ssl.mode")) {
    problems.push({
      name: naming("ssl.mode"),
      received: ssl.mode,
      expected: `verify-full, because ${naming("ssl.rootCert")} is ${SYSTEM_ROOTS}, which trusts every public authority`,
      remedy: "Use verify-full, or give the certificate of the server's own authority"
    })
  }
  const half = ssl.cert === undefined ? "ssl.cert" : "ssl.key"
  if ((ssl.cert === undefined) !== (ssl.key === undefined) && !refused.has(half)) {
    const other = half === "ssl.cert" ? "ssl.key" : "ssl.cert"
    problems.push({
      name: naming(half),
      received: undefined,
      expected: `given together with ${naming(other)}: a client certificate needs its private key`
    })
  }
  return problems
}

const timing = (settings: Settings, naming: Naming): OptionalTexts => {
  const named = (key: FieldKey, value: Duration.Duration): string => `${naming(key)} (${formatDuration(value)})`
  const { acquireTimeout, idleTimeout, leakThreshold, maxLifetime } = settings.pool
  const { connectTimeout, healthCheckInterval, keepAlive, shutdownTimeout, statementTimeout } = settings
  const idle = named("pool.idleTimeout", idleTimeout)
  const health = named("healthCheckInterval", healthCheckInterval)
  return [
    Duration.isGreaterThanOrEqualTo(idleTimeout, maxLifetime) &&
      `${idle} is not under ${named("pool.maxLifetime", maxLifetime)}: sessions are replaced before they can time out.`,
    Duration.isGreaterThanOrEqualTo(healthCheckInterval, idleTimeout) &&
      `${health} is not under ${idle}: an idle session is closed before it is checked.`,
    Duration.isGreaterThan(connectTimeout, acquireTimeout) &&
      `${named("connectTimeout", connectTimeout)} is above ${named("pool.acquireTimeout", acquireTimeout)}: ` +
        "callers give up before a slow dial ends.",
    leakThreshold !== undefined &&
      Duration.isLessThan(leakThreshold, statementTimeout) &&
      `${named("pool.leakThreshold", leakThreshold)} is under ${named("statementTimeout", statementTimeout)}: ` +
        "a slow statement will be reported as a leak.",
    keepAlive !== undefined &&
      Duration.isGreaterThan(keepAlive, loadBalancerIdle) &&
      `${named("keepAlive", keepAlive)} is above ${formatDuration(loadBalancerIdle)}: load balancers drop an idle ` +
        "connection before the first keepalive.",
    keepAlive === undefined &&
      Duration.isGreaterThan(healthCheckInterval, loadBalancerIdle) &&
      `${naming("keepAlive")} is off and ${health} is above ${formatDuration(loadBalancerIdle)}: load balancers drop ` +
        "an idle connection silently.",
    Duration.isGreaterThanOrEqualTo(shutdownTimeout, platformGrace) &&
      `${named("shutdownTimeout", shutdownTimeout)} is not under ${formatDuration(platformGrace)}: Kubernetes kills the ` +
        "process before the drain ends, unless terminationGracePeriodSeconds is longer.",
    Duration.isLessThan(maxLifetime, shortestSensibleLifetime) &&
      `${named("pool.maxLifetime", maxLifetime)} is under ${formatDuration(shortestSensibleLifetime)}: sessions are ` +
        "replaced constantly.",
    Duration.isLessThan(statementTimeout, shortestSensibleStatement) &&
      `${named("statementTimeout", statementTimeout)} is under ${formatDuration(shortestSensibleStatement)}: it will ` +
        "cancel the pool's own probes on a slow network."
  ]
}

const tls = (settings: Settings, naming: Naming): OptionalTexts => {
  const { connection, ssl } = settings
  if (connection === undefined) return []
  const remote = connection.kind !== "loopback"
  const supabase = remote && connection.kind !== "unknown"
  const verifies = ssl.mode === "verify-ca" || ssl.mode === "verify-full"
  return [
    remote &&
      ssl.mode === "disable" &&
      `${naming("ssl.mode")} is disable: all data crosses the network in plaintext. Use require or verify-full.`,
    remote &&
      (ssl.mode === "allow" || ssl.mode === "prefer") &&
      `${naming("ssl.mode")} is ${ssl.mode}: an attacker on the network can force plaintext. Use require or verify-full.`,
    supabase &&
      verifies &&
      (ssl.rootCert === undefined || ssl.rootCert === SYSTEM_ROOTS) &&
      `${naming("ssl.mode")} is ${ssl.mode} without a certificate in ${naming("ssl.rootCert")}: Supabase's certificates come from its ` +
        "own authority, which is in no public trust store. Download it in Dashboard, Database settings, SSL.",
    ...(["rootCert", "cert", "serverName"] as const).map(
      (name) =>
        ssl.mode === "disable" &&
        ssl[name] !== undefined &&
        `${naming(`ssl.${name}`)} is not used, because ${naming("ssl.mode")} is disable.`
    )
  ]
}

const exposure = (settings: Settings, naming: Naming): OptionalTexts => {
  const { connection, pool } = settings
  return [
    connection?.kind === "session-pooler" &&
      pool.max > defaultPoolerSize &&
      `${naming("pool.max")} (${pool.max}) is above ${defaultPoolerSize}, Supavisor's default pool size: the pooler ` +
        "refuses further sessions unless its pool size was raised (Dashboard, Database settings, Connection pooling).",
    exposureWarning(settings, naming) ?? false
  ]
}

/** Combinations that are accepted, but will probably cause trouble, as sentences. */
export const warningsBetween = (settings: Settings, naming: Naming): ReadonlyArray<string> =>
  given([...timing(settings, naming), ...tls(settings, naming), ...exposure(settings, naming)])
