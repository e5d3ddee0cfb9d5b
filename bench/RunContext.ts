/** The contenders' processes of a run, and the database's address. */
import type { Target } from "./Contender.ts"
import { ContenderProcess, type ProcessOptions } from "./Process.ts"
import type { Entry } from "./Roster.ts"

/** Sessions of a contender unless the workload sets another number: the most frequent default of the pools. */
export const SESSIONS = 10

/** Lets V8 compile the code that all workloads share. */
const WARM_UP = { operation: "point", callers: SESSIONS, millis: 500 } as const

export interface RunContextOptions extends ProcessOptions {
  readonly url: string
  readonly entries: ReadonlyArray<Entry>
  /** Length of one sample. */
  readonly millis: number
  readonly quick: boolean
}

export class RunContext {
  readonly options: RunContextOptions
  private readonly processes = new Map<string, ContenderProcess>()
  private readonly temporary = new Set<ContenderProcess>()

  constructor(options: RunContextOptions) {
    this.options = options
  }

  target(sessions: number): Target {
    return { url: this.options.url, sessions }
  }

  /** The contender's process for the whole run, with its ten sessions; started on first use. */
  async processOf(name: string): Promise<ContenderProcess> {
    const known = this.processes.get(name)
    if (known !== undefined) return known
    const started = new ContenderProcess(this.entry(name), this.options)
    this.processes.set(name, started)
    await started.request("open", this.target(SESSIONS))
    if (started.entry.can.includes(WARM_UP.operation)) await started.request("measure", WARM_UP, WARM_UP.millis)
    return started
  }

  /** Runs `f` with a new process, whose memory holds nothing of earlier samples. */
  async withNewProcess<A>(name: string, f: (process: ContenderProcess) => Promise<A>): Promise<A> {
    const process = new ContenderProcess(this.entry(name))
    this.temporary.add(process)
    try {
      return await f(process)
    } finally {
      await process.end()
      this.temporary.delete(process)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.processes.values(), ...this.temporary].map((process) => process.end()))
  }

  private entry(name: string): Entry {
    const entry = this.options.entries.find((entry) => entry.name === name)
    if (entry === undefined) throw new Error(`No contender ${name} takes part`)
    return entry
  }
}
