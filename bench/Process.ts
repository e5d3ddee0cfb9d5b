/** A contender's process, as the parent sees it. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import type { Answered, Commands, Name } from "./Commands.ts"
import type { Entry } from "./Roster.ts"

/** What a command may take beyond the time it was told to measure: thousands of callers finish what they began. */
const PATIENCE_MILLIS = 60_000

/** A process that was let go and does not end is killed. */
const FAREWELL_MILLIS = 5000

export interface ProcessOptions {
  /** Where V8's profiles are written, one for each process; absent for none. */
  readonly profiles?: string | undefined
}

export class ContenderProcess {
  readonly entry: Entry
  private readonly child: ChildProcess
  private asked = 0

  constructor(entry: Entry, { profiles }: ProcessOptions = {}) {
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

  /** Asks for one thing and waits for it; `millis` is how long it is meant to take. */
  ask<N extends Name>(name: N, input: Commands[N]["input"], millis = 0): Promise<Commands[N]["output"]> {
    const id = this.asked++
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
        const answer = message as Answered
        if (answer.id !== id) return
        if ("error" in answer) settle(answer.error)
        else settle(undefined, answer.output)
      }
      const onExit = (code: number | null, signal: string | null) => settle(`its process ended with ${code ?? signal}`)
      const timer = setTimeout(() => settle(`no answer after ${millis + PATIENCE_MILLIS} ms`), millis + PATIENCE_MILLIS)
      child.on("message", onMessage)
      child.on("exit", onExit)
      child.send({ id, name, input }, (error) => {
        if (error !== null) settle(error.message)
      })
    })
  }

  /** Lets the process end, so that it writes its profile, and kills it when it does not. */
  async end(): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    const timer = setTimeout(() => child.kill("SIGKILL"), FAREWELL_MILLIS)
    if (child.connected) child.disconnect()
    await ended
    clearTimeout(timer)
  }
}
