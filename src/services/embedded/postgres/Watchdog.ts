/** A small shell process that outlives this one: it stops the server and removes its directory when Node is killed. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type { Socket } from "node:net"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"

// It reads commands from a pipe that only this process can write to; the kernel closes the pipe however this process
// ends. It signals the process group because initdb has children in its own; the server's are in sessions of their own.
// A postmaster may linger as a zombie where nobody reaps it (a container without an init), hence the grep.
// Twenty times 0.1 s for each signal: a fast shutdown takes less. rm is repeated for files written meanwhile.
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
  /** From now on this process is stopped when Node is gone. */
  readonly track: (pid: number) => void
  /** The tracked process has ended; its pid may soon belong to somebody else. */
  readonly forget: () => void
}

/**
 * Starts the watchdog for a directory. When the scope closes it is dismissed and does nothing more.
 *
 * It runs in a session of its own and ignores the terminal's signals: Ctrl-C must let the program drain first.
 */
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
        // A watchdog that was killed by hand must not take the program with it.
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
      const say = (line: string) => {
        if (pipe.writable) pipe.write(line)
      }
      return { track: (pid) => say(`track ${pid}\n`), forget: () => say("forget\n") }
    }
  )
