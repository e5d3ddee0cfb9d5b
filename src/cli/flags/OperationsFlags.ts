/** The flags of every command that asks a running program: where it answers, the token, how long to wait. */
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import { durationFlag } from "./DatabaseFlags.ts"

const url = Flag.String("url").pipe(
  Flag.withDescription(
    "Where the program answers. Default: HTTP_HOST and HTTP_PORT, or http://127.0.0.1:8321 where they are not set"
  ),
  Flag.optional
)

const token = Flag.Redacted("token").pipe(
  Flag.withDescription("The program's HTTP_TOKEN. Better set HTTP_TOKEN: other users may see a command line"),
  Flag.optional
)

/** Loopback answers within milliseconds, a forwarded port within a second; whoever waits longer wants to know. */
const DEFAULT_TIMEOUT_SECONDS = 5

const timeout = durationFlag("timeout").pipe(
  Flag.withDescription(`How long to wait for an answer. Default: ${DEFAULT_TIMEOUT_SECONDS}s`),
  Flag.withDefault(Duration.seconds(DEFAULT_TIMEOUT_SECONDS))
)

/** To be spread into the flags of a command. */
export const operationsFlags = { url, token, timeout }
