/** Contenders whose operations are promises; each caller is an async loop. */
import type { Contender, LoopFigures, OpenContender, Target } from "./Contender.ts"
import { keys, type Operation, type Rows } from "./Operation.ts"
import { Recorder } from "./Recorder.ts"

export interface PromiseClient {
  /** A contender takes no part in workloads whose operation is missing. */
  readonly operations: Partial<Record<Operation, (key: number) => Promise<Rows>>>
  readonly lease?: (() => Promise<void>) | undefined
  readonly hold: (sessions: number) => Promise<void>
  readonly close: () => Promise<void>
}

const measured = async (
  run: (key: number) => Promise<unknown>,
  callers: number,
  millis: number
): Promise<LoopFigures> => {
  const recorder = new Recorder()
  const nextKey = keys()
  const started = performance.now()
  const deadline = started + millis
  const caller = async () => {
    let at = performance.now()
    while (at < deadline) {
      await run(nextKey())
      const now = performance.now()
      recorder.record(now - at)
      at = now
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const seconds = (performance.now() - started) / 1000
  return { operations: recorder.operations, seconds, latency: recorder.latency }
}

const opened = (client: PromiseClient): OpenContender => {
  const operation = (name: Operation) => {
    const run = client.operations[name]
    if (run === undefined) throw new Error(`This contender has no operation ${name}`)
    return run
  }
  const { lease } = client
  return {
    measure: (name, callers, millis) => measured(operation(name), callers, millis),
    runOnce: (name, key) => operation(name)(key),
    burst: async (count, done) => {
      const run = operation("point")
      const nextKey = keys()
      await Promise.all(Array.from({ length: count }, (_, index) => run(nextKey()).then(() => done(index))))
    },
    lease:
      lease &&
      (async (count) => {
        for (let taken = 0; taken < count; taken++) await lease()
      }),
    hold: client.hold,
    close: client.close
  }
}

/** A contender from a function that opens its client. */
export const promiseContender = (open: (target: Target) => PromiseClient | Promise<PromiseClient>): Contender => ({
  open: async (target) => opened(await open(target))
})
