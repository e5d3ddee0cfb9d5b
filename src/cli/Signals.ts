/**
 * Signals that stop the program: the first one lets it drain, the second one ends it at once.
 *
 * Imports only Node, so that it runs before the program is loaded.
 */
import { constants } from "node:os"

/** Ctrl-C, a supervisor, a closed terminal. */
export const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export type StopSignal = (typeof stopSignals)[number]

/**
 * A repeated signal within this time counts once: under `npm start` Ctrl-C reaches the whole process group, and npm
 * forwards it to its child a few milliseconds later. A second Ctrl-C takes longer.
 */
export const SAME_REQUEST_MILLIS = 500

/** The exit code after a signal is this plus its number, as in a shell. */
const SIGNAL_EXIT_BASE = 128

/** How `Signals` ends the process and reads the time. */
export interface ProcessControl {
  /** Ends the process at once. */
  readonly exit: (code: number) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** Handles signals. Before `handOver` there is nothing to clean up, so the first signal exits with 0. */
export class Signals {
  private readonly control: ProcessControl
  private stop: () => void
  private first: { readonly signal: StopSignal; readonly at: number } | undefined = undefined

  constructor(control: ProcessControl) {
    this.control = control
    this.stop = () => control.exit(0)
  }

  /** The first signal that was received. */
  get requested(): StopSignal | undefined {
    return this.first?.signal
  }

  /** Makes the first signal call `stop`. */
  handOver(stop: () => void): void {
    this.stop = stop
  }

  receive(signal: StopSignal): void {
    const at = this.control.now()
    if (this.first === undefined) {
      this.first = { signal, at }
      this.stop()
      return
    }
    if (signal === this.first.signal && at - this.first.at < SAME_REQUEST_MILLIS) return
    this.control.exit(SIGNAL_EXIT_BASE + constants.signals[signal])
  }
}

/** Listens for this process's signals until it ends. */
export const listenForSignals = (): Signals => {
  const signals = new Signals({
    // oxlint-disable-next-line unicorn/no-process-exit -- a second signal skips the finalizers
    exit: (code) => process.exit(code),
    now: () => performance.now()
  })
  for (const signal of stopSignals) process.on(signal, () => signals.receive(signal))
  return signals
}
