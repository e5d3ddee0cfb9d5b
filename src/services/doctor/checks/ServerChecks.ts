/** The server's clock, version, write access and round-trip time. */
import * as Effect from "effect/Effect"
import { advise } from "./Actions.ts"
import { rowsOf } from "./DoctorClient.ts"
import { type CheckFunction } from "./DoctorContext.ts"
import { quantileOf } from "../../stats/Quantile.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"
import { wordMillis } from "../../errors/Wording.ts"

/** NTP keeps clocks within milliseconds; certificates and tokens are checked to the second. */
const MOST_SKEW_MILLIS = 2000

/** Compares the server's clock with the middle of the round trip. */
export const checkClock: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { client, now, wallClock } = context
  if (client === undefined) return
  const started = now()
  const before = wallClock()
  const rows = yield* rowsOf(client, "select (extract(epoch from clock_timestamp()) * 1000)::float8 as millis")
  const after = wallClock()
  const millis = now() - started
  const skew = (before + after) / 2 - Number(rows[0]?.["millis"])
  const target = "this machine"
  if (Math.abs(skew) <= MOST_SKEW_MILLIS + millis / 2) {
    const details = `within ${MOST_SKEW_MILLIS / MILLIS_PER_SECOND} s of the server's clock`
    return yield* emit({ target, status: "pass", millis, details })
  }
  return yield* emit({
    target,
    status: "warn",
    millis,
    details: `${wordMillis(Math.abs(skew))} ${skew > 0 ? "ahead of" : "behind"} the server's clock`,
    action: advise("Set this machine's clock (NTP).", "timedatectl status")
  })
})

/** The end of support of each major version (PostgreSQL versioning policy, postgresql.org/support/versioning). */
const LAST_FIXES: Readonly<Record<number, string>> = {
  12: "2024-11-21",
  13: "2025-11-13",
  14: "2026-11-12",
  15: "2027-11-11",
  16: "2028-11-09",
  17: "2029-11-08",
  18: "2030-11-14"
}

/** `server_version_num` is the major version times this, since version 10 (PostgreSQL docs, PQserverVersion). */
const PER_MAJOR = 10_000

const VERSION_SQL =
  "select current_setting('server_version_num')::int as number, current_setting('server_version') as version, " +
  "pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') = 'on' as readonly"

const versionProblem = (major: number, now: number): string | undefined => {
  if (major < 12) return "is no longer supported"
  const last = LAST_FIXES[major]
  return last !== undefined && Date.parse(last) < now ? `has not been supported since ${last}` : undefined
}

/** Reads the version and whether the server accepts writes. */
export const checkServer: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { client, now, wallClock } = context
  if (client === undefined) return
  const started = now()
  const row = (yield* rowsOf(client, VERSION_SQL))[0] ?? {}
  const millis = now() - started
  const target = `PostgreSQL ${String(row["version"])}`
  const old = versionProblem(Math.floor(Number(row["number"]) / PER_MAJOR), wallClock())
  if (row["standby"] === true) {
    const action = advise("Connect to the primary for writes; a pool on a standby is for reads.")
    yield* emit({ target, status: "warn", millis, details: "a standby: it accepts no writes", action })
  } else if (row["readonly"] === true) {
    yield* emit({
      target,
      status: "warn",
      millis,
      details: "transactions are read-only by default; platforms set this when the disk is full",
      action: advise(
        "Free or add disk space; to write before that, disable it for a session.",
        "set session characteristics as transaction read write;"
      )
    })
  } else if (old === undefined) yield* emit({ target, status: "pass", millis, details: "accepts writes" })
  if (old !== undefined) {
    const action = advise("Upgrade the database to a supported version.")
    yield* emit({ target, status: "warn", details: `this version ${old}`, action })
  }
})

/** Enough for a 95th percentile; takes half a second across a continent. */
const ROUND_TRIPS = 20

/** In the same region a round trip takes some milliseconds; above this, round trips dominate the response time. */
const FAR_MILLIS = 100

/** Times round trips in sequence. */
export const checkLatency: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { client, now } = context
  if (client === undefined) return
  const times: Array<number> = []
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const started = now()
    yield* rowsOf(client, "select 1")
    times.push(now() - started)
  }
  const median = quantileOf(times, 0.5)
  const target = `${ROUND_TRIPS} round trips`
  const millis = times.reduce((sum, time) => sum + time, 0)
  const details = `min ${wordMillis(Math.min(...times))}, median ${wordMillis(median)}, p95 ${wordMillis(quantileOf(times, 0.95))}`
  if (median < FAR_MILLIS) return yield* emit({ target, status: "pass", millis, details })
  return yield* emit({
    target,
    status: "warn",
    millis,
    details: `${details}; every statement takes at least one round trip`,
    action: advise("Run the application in the region of the database, and send fewer, larger statements.")
  })
})
