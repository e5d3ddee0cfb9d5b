/** Flags of the commands that connect to a database. */
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { parseDuration } from "../../services/config/settings/Durations.ts"

/** Maximum of PostgreSQL's timeouts and Node's timers: 2^31 - 1 milliseconds, almost 25 days. */
const LONGEST_MILLIS = 2_147_483_647

/** A flag with a duration of at least one millisecond. */
export const durationFlag = (name: string): Flag.Flag<Duration.Duration> =>
  Flag.String(name).pipe(
    Flag.withMetavar("duration"),
    Flag.filterMap(
      (text) => Result.getSuccess(parseDuration(text)),
      () => "a duration such as 5s, 500ms or 1m"
    ),
    Flag.filter(
      (duration) => Duration.toMillis(duration) >= 1 && Duration.toMillis(duration) <= LONGEST_MILLIS,
      () => "at least 1ms and at most 24d"
    )
  )

/** A flag with a whole number from 1. */
export const countFlag = (name: string, most: number): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    Flag.filter(
      (count) => count >= 1 && count <= most,
      () => `a whole number from 1 to ${most}`
    )
  )

export const url = Flag.Redacted("url").pipe(
  Flag.withAlias("db-url"),
  Flag.withMetavar("connection-string"),
  Flag.withDescription(
    "The database. Default, and safer: SUPABASE_SESSION_POOLER, because other users may see a command line"
  ),
  Flag.optional
)

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON with a version instead of a table"),
  Flag.withoutNegation,
  Flag.withDefault(false)
)
