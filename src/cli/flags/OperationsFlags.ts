/** Flags of the commands that connect to a running program. */
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import { durationFlag } from "./DatabaseFlags.ts"

const url = Flag.String("url").pipe(
  Flag.withDescription("Address of the program. Default: HTTP_HOST and HTTP_PORT, or http://127.0.0.1:8321"),
  Flag.optional
)

const token = Flag.Redacted("token").pipe(
  Flag.withDescription(
    "The program's HTTP_TOKEN. Default, and safer: HTTP_TOKEN, because other users may see a command line"
  ),
  Flag.optional
)

/** Loopback answers within milliseconds, a forwarded port within a second. */
const DEFAULT_TIMEOUT_SECONDS = 5

const timeout = durationFlag("timeout").pipe(
  Flag.withDescription(`How long to wait for an answer. Default: ${DEFAULT_TIMEOUT_SECONDS}s`),
  Flag.withDefault(Duration.seconds(DEFAULT_TIMEOUT_SECONDS))
)

export const operationsFlags = { url, token, timeout }
