/** The program of a contender's process: executes the parent's commands, one at a time. */
import { setTimeout as pause } from "node:timers/promises"
import type { CommandResponse, CommandRequest, BurstResult, Commands, LoopResult, Memory, Name } from "./Commands.ts"
import type { Contender, OpenContender, Target } from "./Contender.ts"

/** Reading the memory is a system call: rare enough to cost nothing, frequent enough to catch the peak. */
const OPERATIONS_PER_MEMORY_SAMPLE = 250

const KIBIBYTE = 1024

/** How long closing the sessions may take; the parent kills the process a little later. */
const CLOSE_TIMEOUT_MILLIS = 2000

/** Pause after sessions were opened, before they are measured. */
const SETTLE_MILLIS = 300

/** Length of one step of a warm-up. */
const WARM_UP_STEP_MILLIS = 50

const [, , module = ""] = process.argv
const { contender } = (await import(`./contenders/${module}`)) as { readonly contender: Contender }

let current: OpenContender | undefined

const opened = (): OpenContender => {
  if (current === undefined) throw new Error("The contender has no sessions yet")
  return current
}

const required = <A>(operation: A | undefined): A => {
  if (operation === undefined) throw new Error("The contender does not support this")
  return operation
}

const memory = (): Memory => {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { rss, heap: heapUsed }
}

const cpu = (): (() => number) => {
  const before = process.cpuUsage()
  return () => {
    const { system, user } = process.cpuUsage(before)
    return system + user
  }
}

const measured = async (
  contender: OpenContender,
  { callers, millis, operation }: Commands["measure"]["input"]
): Promise<LoopResult> => {
  const used = cpu()
  const loop = await contender.measure(operation, callers, millis)
  return { ...loop, cpuMicros: loop.cpuMicros ?? used(), peakRss: process.resourceUsage().maxRSS * KIBIBYTE }
}

const burst = async (count: number): Promise<BurstResult> => {
  const run = required(opened().burst)
  const idle = memory()
  const ends = new Float64Array(count)
  let peakRss = idle.rss
  let done = 0
  const displaced = new Float64Array(count)
  const sampleMemory = () => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
  }
  const started = performance.now()
  const all = run(count, (index) => {
    ends[done] = performance.now() - started
    displaced[done] = Math.abs(done - index)
    if (done++ % OPERATIONS_PER_MEMORY_SAMPLE === 0) sampleMemory()
  })
  sampleMemory()
  await all
  sampleMemory()
  const millis = performance.now() - started
  displaced.sort()
  const last = Math.ceil(count * 0.99) - 1
  return {
    millis,
    idle,
    peakRss,
    p99: ends[last] ?? millis,
    displaced: { p99: displaced[last] ?? 0, most: displaced.at(-1) ?? 0 }
  }
}

/** Runs `use` with new sessions and closes them afterwards. */
const withNewSessions = async <A>({ sessions, url }: Target, use: (other: OpenContender) => Promise<A>): Promise<A> => {
  const other = await contender.open({ url, sessions })
  try {
    return await use(other)
  } finally {
    await other.close()
  }
}

const measureNewSessions = (input: Commands["measureNewSessions"]["input"]): Promise<LoopResult> =>
  withNewSessions(input, async (other) => {
    // Lets every session prepare its statement, and fills the caches of the server's processes.
    await other.measure(input.operation, input.callers, Math.max(input.millis, SETTLE_MILLIS))
    return measured(other, input)
  })

/**
 * V8 compiles functions by the number of their calls, so the warm-up counts operations. A fixed second was too short for
 * one sample in six on a slow machine, and uncompiled code takes up to three times as long.
 */
const warmUp = async (
  contender: OpenContender,
  { callers, operation, warmUpMillis, warmUpOperations }: Commands["measureCanned"]["input"]
): Promise<void> => {
  const deadline = performance.now() + warmUpMillis
  let left = warmUpOperations
  while (left > 0 && performance.now() < deadline) {
    const { operations } = await contender.measure(operation, callers, WARM_UP_STEP_MILLIS)
    left -= operations
  }
}

const measureCanned = async (input: Commands["measureCanned"]["input"]): Promise<LoopResult> => {
  const { CannedServer } = await import("./wire/CannedServer.ts")
  const server = new CannedServer()
  return withNewSessions(input, async (other) => {
    // Lets every session prepare its statement.
    await other.measure(input.operation, Math.max(input.callers, input.sessions), SETTLE_MILLIS)
    server.isOn = true
    try {
      await warmUp(other, input)
      return await measured(other, input)
    } finally {
      server.isOn = false
    }
  })
}

const lease = async (count: number): Promise<Commands["lease"]["output"]> => {
  const run = required(opened().lease)
  const before = memory()
  const used = cpu()
  const started = performance.now()
  await run(count)
  const seconds = (performance.now() - started) / 1000
  const cpuMicros = used()
  return { seconds, cpuMicros, heapGrowth: memory().heap - before.heap }
}

const connect = (target: Target): Promise<number> => {
  const started = performance.now()
  return withNewSessions(target, async (other) => {
    await required(other.hold)(target.sessions)
    return performance.now() - started
  })
}

const idle = ({ millis, ...target }: Commands["idle"]["input"]): Promise<Commands["idle"]["output"]> => {
  const before = memory()
  return withNewSessions(target, async (other) => {
    await required(other.hold)(target.sessions)
    const after = memory()
    // Work left over from opening the sessions is not part of the idle cost.
    await pause(SETTLE_MILLIS)
    const used = cpu()
    await pause(millis)
    return { cpuMicros: used(), before, after }
  })
}

const handlers: { readonly [N in Name]: (input: Commands[N]["input"]) => Promise<Commands[N]["output"]> } = {
  open: async (target) => {
    current = await contender.open(target)
    return null
  },
  close: async () => {
    await current?.close()
    current = undefined
    return null
  },
  // A driver's own row class cannot be sent to another process.
  runOnce: async ({ key, operation }) =>
    Array.from(await required(opened().runOnce)(operation, key), (row) => ({ ...row })),
  measure: (input) => measured(opened(), input),
  measureNewSessions,
  measureCanned,
  burst: ({ count }) => burst(count),
  lease: ({ count }) => lease(count),
  connect,
  idle
}

const respondTo = async <N extends Name>({ id, input, name }: CommandRequest<N>): Promise<CommandResponse> => {
  try {
    return { id, output: await handlers[name](input) }
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

process.on("message", async (request: CommandRequest) => {
  const response = await respondTo(request)
  process.send?.(response)
})

// The channel keeps the process alive. Exit on a timer, too: after the parent is killed, closing may hang.
process.once("disconnect", async () => {
  setTimeout(() => process.exit(), CLOSE_TIMEOUT_MILLIS)
  await current?.close()
  process.exit()
})
