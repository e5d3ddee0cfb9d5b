/** Supavisor's version, which it returns to a plaintext HTTP GET on its port. */
import * as Effect from "effect/Effect"
import { scopedTcp } from "../network/Sockets.ts"
import type { CheckFunction, DoctorContext } from "./DoctorContext.ts"

/** The answer is one small packet, or none. */
const ANSWER_MILLIS = 3000

/** Supavisor's headers are below 200 bytes; a longer answer is from another server. */
const LONGEST_ANSWER = 4096

const VERSION_HEADER = /^x-app-version:[ \t]*([0-9A-Za-z.+_-]{1,40})[ \t]*\r?$/im

/** The answer, as far as it was received. */
const request = (context: DoctorContext): Effect.Effect<string, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { connection, reachableAddress } = context
      const socket = yield* scopedTcp(reachableAddress ?? connection.host, connection.port)
      return yield* Effect.callback<string, unknown>((resume) => {
        let answer = ""
        const done = () => resume(Effect.succeed(answer))
        socket.on("data", (chunk: Buffer) => {
          answer += chunk.toString("latin1")
          if (answer.includes("\r\n\r\n") || answer.length > LONGEST_ANSWER) done()
        })
        socket.once("close", done)
        socket.write("GET / HTTP/1.1\r\nHost: pooler\r\nConnection: close\r\n\r\n")
      })
    })
  )

/** Since version 2.8 a full pool refuses a login at once instead of queueing it (Supavisor 2.8 source, manager.ex). */
const refusesAtOnce = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 2 || (major === 2 && minor >= 8)
}

/** Reads the version if there may be a pooler. */
export const checkPooler: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { backend, hostAndPort: target, isDirect, now, settings } = context
  if (isDirect) return yield* emit({ target, status: "info", details: "none: PostgreSQL itself answers" })
  if (!settings.connectionType.startsWith("supavisor") && backend === undefined) {
    return yield* emit({ target, status: "info", details: "none expected on a direct connection" })
  }
  const started = now()
  const answer = yield* request(context).pipe(
    Effect.timeoutOrElse({ duration: ANSWER_MILLIS, orElse: () => Effect.succeed("") }),
    Effect.catch(() => Effect.succeed(""))
  )
  const millis = now() - started
  const version = VERSION_HEADER.exec(answer)?.[1]
  if (version === undefined) {
    const details = "no version: not Supavisor, or behind a load balancer"
    return yield* emit({ target, status: "info", millis, details })
  }
  const whenFull = refusesAtOnce(version)
    ? "refuses logins at once when its pool is full"
    : "queues logins for up to a minute when its pool is full"
  return yield* emit({ target, status: "pass", millis, details: `Supavisor ${version}; ${whenFull}` })
})
