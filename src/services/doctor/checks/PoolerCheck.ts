/** Supavisor's version, which it tells to whoever sends a plaintext HTTP GET to its port. */
import * as Effect from "effect/Effect"
import { scopedTcp } from "../network/Sockets.ts"
import type { CheckFunction, DoctorContext } from "./DoctorContext.ts"

/** The answer is one small packet, or none at all. */
const ANSWER_MILLIS = 3000

/** The headers Supavisor sends are below 200 bytes; whoever sends more is somebody else. */
const LONGEST_ANSWER = 4096

const REQUEST = "GET / HTTP/1.1\r\nHost: pooler\r\nConnection: close\r\n\r\n"

const VERSION_HEADER = /^x-app-version:[ \t]*([0-9A-Za-z.+_-]{1,40})[ \t]*\r?$/im

/** Since this version a session too many is refused at once instead of queued (Supavisor 2.8 source, manager.ex). */
const REFUSES_SINCE = [2, 8] as const

/** What came back within the time, as far as it was read. */
const ask = (context: DoctorContext): Effect.Effect<string, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { connection, reachableAddress: reachable } = context
      const socket = yield* scopedTcp(reachable ?? connection.host, connection.port)
      return yield* Effect.callback<string, unknown>((resume) => {
        let answer = ""
        const done = () => resume(Effect.succeed(answer))
        socket.on("data", (chunk: Buffer) => {
          answer += chunk.toString("latin1")
          if (answer.includes("\r\n\r\n") || answer.length > LONGEST_ANSWER) done()
        })
        socket.once("close", done)
        socket.write(REQUEST)
      })
    })
  )

const refusesAtOnce = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > REFUSES_SINCE[0] || (major === REFUSES_SINCE[0] && minor >= REFUSES_SINCE[1])
}

const hasPooler = (context: DoctorContext): boolean =>
  !context.isDirect && (context.settings.connectionType.startsWith("supavisor") || context.backend !== undefined)

/** Asks for the version where a pooler may be. */
export const checkPooler: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { now, hostAndPort: place } = context
    if (!hasPooler(context)) {
      const details = context.isDirect ? "none: PostgreSQL itself answers" : "none is expected on a direct connection"
      return yield* emit({ target: place, status: "info", details })
    }
    const began = now()
    const answer = yield* ask(context).pipe(
      Effect.timeoutOrElse({ duration: ANSWER_MILLIS, orElse: () => Effect.succeed("") }),
      Effect.catch(() => Effect.succeed(""))
    )
    const millis = now() - began
    const version = VERSION_HEADER.exec(answer)?.[1]
    if (version === undefined) {
      const details = "does not tell its version: not Supavisor, or a load balancer is in between"
      return yield* emit({ target: place, status: "info", millis, details })
    }
    const manner = refusesAtOnce(version)
      ? "refuses a session too many at once"
      : "lets a session too many wait for up to a minute"
    return yield* emit({ target: place, status: "pass", millis, details: `Supavisor ${version}; ${manner}` })
  })
