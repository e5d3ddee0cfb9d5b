/** The processes of a run, and where they find the database. */
import type { Target } from "./Contender.ts"
import { ContenderProcess, type ProcessOptions } from "./Process.ts"
import type { Entry } from "./Roster.ts"

/** Sessions of a contender, unless the workload says otherwise: the pools' own most frequent default. */
export const SESSIONS = 10

/** Until V8 has compiled what every workload runs through. */
const WARM_UP = { operation: "point", callers: SESSIONS, millis: 500 } as const

export interface StageOptions extends ProcessOptions {
  readonly url: string
  readonly entries: ReadonlyArray<Entry>
  /** Length of one sample. */
  readonly millis: number
  readonly quick: boolean
}

export class Stage {
  readonly options: StageOptions
  private readonly processes = new Map<string, ContenderProcess>()
  private readonly passing = new Set<ContenderProcess>()

  constructor(options: StageOptions) {
    this.options = options
  }

  target(sessions: number): Target {
    return { url: this.options.url, sessions }
  }

  /** The contender's process that stays for the whole run, with its ten sessions. */
  async living(name: string): Promise<ContenderProcess> {
    const known = this.processes.get(name)
    if (known !== undefined) return known
    const started = new ContenderProcess(this.entry(name), this.options)
    this.processes.set(name, started)
    await started.ask("open", this.target(SESSIONS))
    if (started.entry.can.includes(WARM_UP.operation)) await started.ask("measure", WARM_UP, WARM_UP.millis)
    return started
  }

  /** A process for one sample: nothing of earlier ones is in its memory. */
  async fresh<A>(name: string, f: (process: ContenderProcess) => Promise<A>): Promise<A> {
    const process = new ContenderProcess(this.entry(name))
    this.passing.add(process)
    try {
      return await f(process)
    } finally {
      await process.end()
      this.passing.delete(process)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.processes.values(), ...this.passing].map((process) => process.end()))
  }

  private entry(name: string): Entry {
    const entry = this.options.entries.find((entry) => entry.name === name)
    if (entry === undefined) throw new Error(`No contender ${name} takes part`)
    return entry
  }
}
