import { assert, describe, it } from "@effect/vitest"
import type { Socket } from "node:net"
import { Readable, Writable } from "node:stream"
import { FaultPipe } from "../../../src/testing/fault-proxy/FaultPipe.ts"

/** A sink that takes a chunk only on request. */
const reluctantSink = () => {
  const taken: Array<string> = []
  const pending: Array<() => void> = []
  const stream = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, done) => {
      pending.push(() => {
        taken.push(chunk.toString())
        done()
      })
    }
  })
  const drained = () => new Promise<void>((resolve) => stream.once("drain", resolve))
  return { socket: stream as unknown as Socket, taken, take: () => pending.shift()?.(), drained }
}

describe("FaultPipe", () => {
  it("is flushed only once its sink has taken every byte", async () => {
    const sink = reluctantSink()
    const pipe = new FaultPipe()
    pipe.setSink(sink.socket)
    pipe.push(Buffer.from("one"))
    pipe.push(Buffer.from("two"))
    const order: Array<string> = []
    const flushed = new Promise<void>((resolve) => {
      pipe.afterFlush(() => {
        order.push(`flushed after ${sink.taken.join(" and ")}`)
        resolve()
      })
    })
    const drained = sink.drained()
    sink.take()
    await drained
    assert.deepStrictEqual(order, [])
    sink.take()
    await flushed
    assert.deepStrictEqual(order, ["flushed after one and two"])
  })

  it("is not flushed while it has bytes and no sink", () => {
    const pipe = new FaultPipe()
    let flushed = false
    pipe.push(Buffer.from("early"))
    pipe.afterFlush(() => (flushed = true))
    assert.isFalse(flushed)
  })

  it("is flushed at once when it has nothing to deliver", () => {
    const pipe = new FaultPipe()
    let flushed = false
    pipe.afterFlush(() => (flushed = true))
    assert.isTrue(flushed)
  })

  it("delivers what it held in order, before what comes later", async () => {
    const sink = reluctantSink()
    const pipe = new FaultPipe()
    pipe.setSink(sink.socket)
    pipe.setGate("hold")
    pipe.push(Buffer.from("held first"))
    pipe.push(Buffer.from("held second"))
    assert.strictEqual(sink.socket.writableLength, 0)
    pipe.setGate("open")
    pipe.push(Buffer.from("later"))
    for (const expected of ["held first", "held second", "later"]) {
      const drained = sink.drained()
      sink.take()
      assert.strictEqual(sink.taken.at(-1), expected)
      await drained
    }
  })

  it("lets its source be read to the end once it is closed", () => {
    const source = new Readable({ read: () => {} }).resume()
    const pipe = new FaultPipe()
    pipe.setSource(source as unknown as Socket)
    pipe.push(Buffer.alloc(2 ** 22))
    assert.isTrue(source.isPaused())
    pipe.close()
    pipe.push(Buffer.alloc(2 ** 22))
    assert.isFalse(source.isPaused())
  })
})
