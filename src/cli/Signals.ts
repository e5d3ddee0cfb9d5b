/**
 * Signals that ask the program to stop: the first one kindly, the second one at once.
 *
 * Imports nothing but Node, so that it stands before the rest of the program is loaded.
 */
import { constants } from "node:os"

/** The signals that ask for an end: Ctrl-C, a supervisor, a closed terminal. */
export const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export type StopSignal = (typeof stopSignals)[number]

/**
 * The same signal within this time is the same request, in milliseconds: under `npm start` Ctrl-C reaches the whole
 * process group, and npm forwards it to its child once more a few milliseconds later. A person needs longer.
 */
export const SAME_REQUEST_MILLIS = 500

/** A process that a signal ended exits with this plus the signal's number, as in a shell. */
const SIGNAL_EXIT_BASE = 128

/** What a first signal does, and what every further one does. */
export interface Reactions {
  /** Ends the process at once. */
  readonly exit: (code: number) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** Decides what a signal means. Before `handOver` there is nothing to clean up, so the first signal exits with 0. */
export class Signals {
  private readonly reactions: Reactions
  private stop: () => void
  private first: { readonly signal: StopSignal; readonly at: number } | undefined = undefined

  constructor(reactions: Reactions) {
    this.reactions = reactions
    this.stop = () => reactions.exit(0)
  }

  /** The signal that asked for the end; undefined while none did. */
  get requested(): StopSignal | undefined {
    return this.first?.signal
  }

  /** From now on the first signal calls `stop`. */
  handOver(stop: () => void): void {
    this.stop = stop
  }

  receive(signal: StopSignal): void {
    const at = this.reactions.now()
    if (this.first === undefined) {
      this.first = { signal, at }
      this.stop()
      return
    }
    if (signal === this.first.signal && at - this.first.at < SAME_REQUEST_MILLIS) return
    this.reactions.exit(SIGNAL_EXIT_BASE + constants.signals[signal])
  }
}

/** Listens to this process's signals for the rest of its life. */
export const listenForSignals = (): Signals => {
  const signals = new Signals({
    // oxlint-disable-next-line unicorn/no-process-exit -- whoever asks twice wants no finalizer to be waited for
    exit: (code) => process.exit(code),
    now: () => performance.now()
  })
  for (const signal of stopSignals) process.on(signal, () => signals.receive(signal))
  return signals
}
