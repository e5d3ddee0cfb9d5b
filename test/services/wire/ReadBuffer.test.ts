import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import * as Net from "node:net"
import { sharedReadBuffer } from "../../../src/services/wire/Transport.ts"

/** A pair of sockets on loopback; the near one reads into the shared buffer. */
const connected = async () => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const accepted = once(server, "connection") as Promise<[Net.Socket]>
  const near: Net.Socket = Net.connect({
    port: (server.address() as Net.AddressInfo).port,
    host: "127.0.0.1",
    onread: sharedReadBuffer(() => near)
  })
  await once(near, "connect")
  const [far] = await accepted
  return {
    near,
    far,
    close: () => {
      near.destroy()
      far.destroy()
      server.close()
    }
  }
}

const nextChunk = async (socket: Net.Socket): Promise<Buffer> => ((await once(socket, "data")) as [Buffer])[0]

describe("ReadBuffer", () => {
  it("gives chunks that stay as they are when other sockets read on", async () => {
    const [one, other] = [await connected(), await connected()]
    one.far.write("first")
    const first = await nextChunk(one.near)
    other.far.write("other")
    const second = await nextChunk(other.near)
    one.far.write("third")
    await nextChunk(one.near)
    assert.deepStrictEqual([first.toString(), second.toString()], ["first", "other"])
    one.close()
    other.close()
  })

  it("keeps chunks that came before there was a listener, in order with later ones", async () => {
    const { close, far, near } = await connected()
    const unheard = new Promise<void>((resolve) => {
      const push = near.push.bind(near)
      near.push = (chunk: unknown) => {
        resolve()
        return push(chunk)
      }
    })
    far.write("early, ")
    await unheard
    let received = ""
    const all = new Promise<void>((resolve) => {
      near.on("data", (chunk: Buffer) => {
        received += chunk.toString()
        if (received.endsWith("late")) resolve()
      })
    })
    far.write("late")
    await all
    assert.strictEqual(received, "early, late")
    close()
  })

  it("reads all of what is longer than the buffer", async () => {
    const { close, far, near } = await connected()
    const sent = Buffer.alloc(300_000, "0123456789")
    const chunks: Array<Buffer> = []
    const ended = once(
      near.on("data", (chunk: Buffer) => void chunks.push(chunk)),
      "end"
    )
    far.end(sent)
    await ended
    assert.isTrue(Buffer.concat(chunks).equals(sent))
    close()
  })

  it("stops to read while the socket is paused, so that a slow reader holds up the sender", async () => {
    const { close, far, near } = await connected()
    let received = 0
    near.on("data", (chunk: Buffer) => {
      received += chunk.length
      near.pause()
    })
    far.write("one")
    await once(near, "data")
    far.write("two")
    // the far side's echo of a second connection proves that the loop has turned with "two" in flight
    const { close: closeOther, far: echo, near: clock } = await connected()
    echo.write("turn")
    await nextChunk(clock)
    assert.strictEqual(received, 3)
    near.resume()
    await once(near, "data")
    assert.strictEqual(received, 6)
    close()
    closeOther()
  })

  it("reports the end as any socket does", async () => {
    const { close, far, near } = await connected()
    near.on("data", () => {})
    const closed = once(near, "close")
    far.end("end")
    assert.deepStrictEqual(await closed, [false])
    close()
  })
})
