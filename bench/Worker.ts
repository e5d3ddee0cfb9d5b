/** The program of a contender's process: does what the parent asks for, one thing at a time. */
import { setTimeout as pause } from "node:timers/promises"
import type { Answered, Asked, Burst, Commands, Measured, Memory, Name } from "./Commands.ts"
import type { Contender, Opened, Target } from "./Contender.ts"

/** Looking at the memory is a system call: seldom enough not to be felt, often enough not to miss the peak. */
const OPERATIONS_PER_LOOK = 250

const KIBIBYTE = 1024

/** How long sessions may take to say goodbye; the parent kills a little later. */
const FAREWELL_MILLIS = 2000

/** How long sessions that were opened a moment ago are given to settle. */
const SETTLE_MILLIS = 300

/** How often a warm-up counts its operations. */
const WARM_UP_STEP_MILLIS = 50

const [, , module = ""] = process.argv
const { contender } = (await import(`./contenders/${module}`)) as { readonly contender: Contender }

let current: Opened | undefined

const opened = (): Opened => {
  if (current === undefined) throw new Error("The contender has no sessions yet")
  return current
}

const able = <A>(ability: A | undefined): A => {
  if (ability === undefined) throw new Error("The contender cannot do this")
  return ability
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
  contender: Opened,
  { callers, millis, operation }: Commands["measure"]["input"]
): Promise<Measured> => {
  const used = cpu()
  const loop = await contender.measure(operation, callers, millis)
  return { ...loop, cpuMicros: loop.cpuMicros ?? used(), peakRss: process.resourceUsage().maxRSS * KIBIBYTE }
}

const burst = async (count: number): Promise<Burst> => {
  const run = able(opened().burst)
  const idle = memory()
  const ends = new Float64Array(count)
  let peakRss = idle.rss
  let done = 0
  const displaced = new Float64Array(count)
  const look = () => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
  }
  const started = performance.now()
  const all = run(count, (index) => {
    ends[done] = performance.now() - started
    displaced[done] = Math.abs(done - index)
    if (done++ % OPERATIONS_PER_LOOK === 0) look()
  })
  look()
  await all
  look()
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

/** Does something with sessions that are opened for it and closed afterwards. */
const apart = async <A>({ sessions, url }: Target, use: (other: Opened) => Promise<A>): Promise<A> => {
  const other = await contender.open({ url, sessions })
  try {
    return await use(other)
  } finally {
    await other.close()
  }
}

const measureApart = (input: Commands["measureApart"]["input"]): Promise<Measured> =>
  apart(input, async (other) => {
    // every session prepares its statement, and the server's processes fill their caches
    await other.measure(input.operation, input.callers, Math.max(input.millis, SETTLE_MILLIS))
    return measured(other, input)
  })

/**
 * V8 compiles what was called often enough, so a warm-up is counted in operations: a fixed second was too short for one
 * sample in six on a slow machine, and what is not compiled yet costs up to three times as much.
 */
const warmUp = async (
  contender: Opened,
  { callers, operation, warmUpMillis, warmUpOperations }: Commands["measureCanned"]["input"]
): Promise<void> => {
  const deadline = performance.now() + warmUpMillis
  let left = warmUpOperations
  while (left > 0 && performance.now() < deadline) {
    const { operations } = await contender.measure(operation, callers, WARM_UP_STEP_MILLIS)
    left -= operations
  }
}

const measureCanned = async (input: Commands["measureCanned"]["input"]): Promise<Measured> => {
  const { CannedServer } = await import("./wire/CannedServer.ts")
  const server = new CannedServer()
  return apart(input, async (other) => {
    // every session prepares its statement
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
  const run = able(opened().lease)
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
  return apart(target, async (other) => {
    await able(other.hold)(target.sessions)
    return performance.now() - started
  })
}

const idle = ({ millis, ...target }: Commands["idle"]["input"]): Promise<Commands["idle"]["output"]> => {
  const before = memory()
  return apart(target, async (other) => {
    await able(other.hold)(target.sessions)
    const after = memory()
    // what was left over from the opening is no cost of idling
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
  // a driver's own kind of row cannot be sent to another process
  answer: async ({ key, operation }) => Array.from(await able(opened().answer)(operation, key), (row) => ({ ...row })),
  measure: (input) => measured(opened(), input),
  measureApart,
  measureCanned,
  burst: ({ count }) => burst(count),
  lease: ({ count }) => lease(count),
  connect,
  idle
}

const answerTo = async <N extends Name>({ id, input, name }: Asked<N>): Promise<Answered> => {
  try {
    return { id, output: await handlers[name](input) }
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

process.on("message", async (asked: Asked) => {
  const answer = await answerTo(asked)
  process.send?.(answer)
})

// the channel is what keeps the process alive; a parent that was killed must not leave one behind that cannot close
process.once("disconnect", async () => {
  setTimeout(() => process.exit(), FAREWELL_MILLIS)
  await current?.close()
  process.exit()
})
