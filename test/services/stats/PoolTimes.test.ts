import { assert, describe, it } from "@effect/vitest"
import { PoolTimes } from "../../../src/services/stats/PoolTimes.ts"

const timings = { dns: 1, tcp: 2, tls: 3, authentication: 4, session: 5 }
const info = { timings, maxConnections: 100 }
const pool = (open: number, waiting = 0, min = 2) => ({ open, waiting, limits: { min } })

describe("PoolTimes", () => {
  it("records the sum of the phases as the time to open a session", () => {
    const times = new PoolTimes()
    times.sessionOpened(info, pool(1), 0)
    assert.closeTo(times.createTime.sum, 0.015, 1e-9)
    assert.closeTo(times.phases.authentication.sum, 0.004, 1e-9)
    assert.strictEqual(times.recovery.count, 0)
  })

  it("measures a recovery from the first loss below min until min is open again", () => {
    const times = new PoolTimes()
    times.sessionLost({ busySince: 0, lastReceivedAt: () => 0 }, pool(2), 500)
    times.sessionLost({ busySince: 0, lastReceivedAt: () => 0 }, pool(1), 1000)
    times.sessionLost({ busySince: 0, lastReceivedAt: () => 0 }, pool(0), 2000)
    times.sessionOpened(info, pool(1), 3000)
    assert.strictEqual(times.recovery.count, 0)
    times.sessionOpened(info, pool(2), 6000)
    times.sessionOpened(info, pool(3), 7000)
    assert.deepStrictEqual([times.recovery.count, times.recovery.sum], [1, 5])
  })

  it("starts no outage in a pool with min 0 while no caller waits", () => {
    const times = new PoolTimes()
    times.checkShortage(pool(0, 0, 0), 0)
    times.sessionOpened(info, pool(1, 0, 0), 9000)
    assert.strictEqual(times.recovery.count, 0)
    times.checkShortage(pool(0, 1, 0), 10_000)
    times.sessionOpened(info, pool(1, 1, 0), 11_000)
    assert.strictEqual(times.recovery.sum, 1)
  })

  it("measures detection from the last moment when a peer could have answered", () => {
    const times = new PoolTimes()
    times.sessionLost({ busySince: 0, lastReceivedAt: () => 10 }, pool(5), 5000)
    assert.strictEqual(times.detection.sum, 0)
    times.sessionLost({ busySince: 1000, lastReceivedAt: () => 10 }, pool(5), 5000)
    assert.strictEqual(times.detection.sum, 4)
    times.sessionLost({ busySince: 1000, lastReceivedAt: () => 3000 }, pool(5), 5000)
    assert.strictEqual(times.detection.sum, 6)
    times.probed(false, 2000)
    times.probed(true, 1000)
    assert.deepStrictEqual([times.detection.sum, times.probeUnanswered.sum, times.probeAnswered.sum], [8, 2, 1])
  })
})
