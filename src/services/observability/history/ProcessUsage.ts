/** The process's processor time, memory and event-loop delay. */
import { LoopDelay } from "../metrics/LoopDelay.ts"
import { type ProcessView, STEP_MILLIS } from "./HistorySchema.ts"
import { MICROS_PER_MILLI, MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Less than a step, so that a step that is early still ends its window. */
const LOOP_WINDOW_MILLIS = STEP_MILLIS / 2

const cpuMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / MICROS_PER_MILLI
}

export class ProcessUsage {
  private readonly now: () => number
  private readonly loop: LoopDelay
  private since: number
  private usedMillis = 0
  private cpu = 0

  constructor(now: () => number) {
    this.now = now
    this.loop = new LoopDelay(now, LOOP_WINDOW_MILLIS)
    this.since = now() - process.uptime() * MILLIS_PER_SECOND
    this.step()
  }

  /** Ends a step; `view` shows it from here on. */
  step(): void {
    const now = this.now()
    const used = cpuMillis()
    if (now > this.since) this.cpu = (used - this.usedMillis) / (now - this.since)
    this.since = now
    this.usedMillis = used
    this.loop.read()
  }

  view(): ProcessView {
    const { heapTotal, heapUsed, rss } = process.memoryUsage()
    const { p50, p99 } = this.loop.shown
    return {
      pid: process.pid,
      nodeVersion: process.version,
      uptimeSeconds: Math.round(process.uptime()),
      cpu: this.cpu,
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      loopDelayP50Millis: p50 * MILLIS_PER_SECOND,
      loopDelayP99Millis: p99 * MILLIS_PER_SECOND
    }
  }

  stop(): void {
    this.loop.stop()
  }
}
