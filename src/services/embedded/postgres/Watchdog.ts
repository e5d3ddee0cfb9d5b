/** A shell process that outlives this one: it stops the server and removes its directory when Node is killed. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type { Socket } from "node:net"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"

// It reads commands from a pipe; the kernel closes the pipe however this process ends. It signals the process group,
// because initdb has children in its group. The grep is for a postmaster that stays a zombie because no process reaps it
// (a container without an init). Each signal gets twenty times 0.1 s, more than a fast shutdown takes. rm is repeated
// for files that are written meanwhile.
const script = `
trap '' HUP INT TERM QUIT PIPE
directory=$1
tracked=
while read -r verb value; do
  case $verb in
    track) tracked=$value ;;
    forget) tracked= ;;
    dismiss) exit 0 ;;
  esac
done
is_alive() {
  kill -0 "$tracked" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$tracked/status" 2>/dev/null
}
if [ -n "$tracked" ]; then
  for signal in INT QUIT KILL; do
    kill -s "$signal" -- "-$tracked" 2>/dev/null
    tries=0
    while [ "$tries" -lt 20 ] && is_alive; do
      sleep 0.1
      tries=$((tries + 1))
    done
    is_alive || break
  done
fi
tries=0
until rm -rf -- "$directory" || [ "$tries" -ge 20 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
`

export interface Watchdog {
  /** Stops this process when Node has ended. */
  readonly track: (pid: number) => void
  /** The tracked process has ended; its pid may be reused. */
  readonly forget: () => void
}

/** It has its own session and ignores the terminal's signals: on Ctrl-C the program drains first. */
export const make = (directory: string): Effect.Effect<Watchdog, EmbeddedPostgresError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Socket, EmbeddedPostgresError>((resume) => {
        const child = spawn("/bin/sh", ["-c", script, "effect-supavisor-watchdog", directory], {
          cwd: "/",
          detached: true,
          env: { PATH: "/usr/bin:/bin" },
          stdio: ["pipe", "ignore", "ignore"]
        })
        const pipe = child.stdin as Socket
        // The program must survive a watchdog that was killed.
        pipe.on("error", () => pipe.destroy())
        child.once("error", (error) =>
          resume(
            new EmbeddedPostgresError({
              step: "prepare",
              detail: `The watchdog /bin/sh did not start: ${error.message}.`,
              remedy: "Check that /bin/sh can be run and that the process limit is not reached."
            })
          )
        )
        child.once("spawn", () => resume(Effect.succeed(pipe)))
        child.unref()
        pipe.unref()
      }),
      (pipe) => Effect.sync(() => pipe.end("dismiss\n"))
    ),
    (pipe) => {
      const send = (line: string) => {
        if (pipe.writable) pipe.write(line)
      }
      return { track: (pid) => send(`track ${pid}\n`), forget: () => send("forget\n") }
    }
  )
