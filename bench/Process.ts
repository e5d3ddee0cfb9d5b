/** A contender's process, seen from the parent. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import type { CommandResponse, Commands, Name } from "./Commands.ts"
import type { Entry } from "./Roster.ts"

/** Extra time of a command beyond its measuring time: thousands of callers finish their last operation. */
const TIMEOUT_MARGIN_MILLIS = 60_000

/** A process that has not exited after this time is killed. */
const EXIT_TIMEOUT_MILLIS = 5000

export interface ProcessOptions {
  /** Directory for V8's CPU profiles, one per process; absent for none. */
  readonly profileDirectory?: string | undefined
}

export class ContenderProcess {
  readonly entry: Entry
  private readonly child: ChildProcess
  private requests = 0

  constructor(entry: Entry, { profileDirectory: profiles }: ProcessOptions = {}) {
    this.entry = entry
    this.child = fork(new URL("Worker.ts", import.meta.url), [entry.module], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [
        "--expose-gc",
        ...(profiles === undefined
          ? []
          : ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${entry.name}.cpuprofile`])
      ]
    })
  }

  /** Sends one command and waits for its response; `millis` is how long it is expected to take. */
  request<N extends Name>(name: N, input: Commands[N]["input"], millis = 0): Promise<Commands[N]["output"]> {
    const id = this.requests++
    const { child, entry } = this
    return new Promise((resolve, reject) => {
      const settle = (error: string | undefined, output?: Commands[Name]["output"]) => {
        clearTimeout(timer)
        child.off("message", onMessage)
        child.off("exit", onExit)
        if (error === undefined) resolve(output as Commands[N]["output"])
        else reject(new Error(`Contender ${entry.name} failed at ${name}: ${error}`))
      }
      const onMessage = (message: unknown) => {
        const response = message as CommandResponse
        if (response.id !== id) return
        if ("error" in response) settle(response.error)
        else settle(undefined, response.output)
      }
      const onExit = (code: number | null, signal: string | null) => settle(`its process ended with ${code ?? signal}`)
      const timer = setTimeout(
        () => settle(`no response after ${millis + TIMEOUT_MARGIN_MILLIS} ms`),
        millis + TIMEOUT_MARGIN_MILLIS
      )
      child.on("message", onMessage)
      child.on("exit", onExit)
      child.send({ id, name, input }, (error) => {
        if (error !== null) settle(error.message)
      })
    })
  }

  /** Ends the process so that it writes its profile; kills it after a timeout. */
  async end(): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_TIMEOUT_MILLIS)
    if (child.connected) child.disconnect()
    await ended
    clearTimeout(timer)
  }
}
