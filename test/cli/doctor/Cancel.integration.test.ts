import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { once } from "node:events"
import * as Net from "node:net"
import { readFirstPacket } from "../../../src/services/embedded/fake-supavisor/FirstPacket.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { runDoctor } from "./RunDoctor.ts"
import { statusOf } from "./Golden.ts"

/** The delay of a pooler that opens a connection to forward a cancel. */
const HANG_UP_MILLIS = 300

interface Cancels {
  hungUp: number
  leftEarly: number
}

/** Forwards everything, and closes a cancel connection after a delay. */
const slowToHangUp = (target: Net.TcpNetConnectOpts) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const cancels: Cancels = { hungUp: 0, leftEarly: 0 }
      const server = Net.createServer((client) => {
        const upstream = Net.connect(target)
        client.on("error", () => {})
        upstream.on("error", () => {})
        client.once("data", (first: Buffer) => {
          upstream.write(first)
          if (readFirstPacket(first, true)._tag !== "Cancel") return void client.pipe(upstream).pipe(client)
          const timer = setTimeout(() => {
            cancels.hungUp++
            client.destroy()
          }, HANG_UP_MILLIS)
          client.once("close", () => {
            clearTimeout(timer)
            if (cancels.hungUp === 0) cancels.leftEarly++
          })
          client.resume()
        })
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, cancels, port: (server.address() as Net.AddressInfo).port }
    }),
    ({ server }) => Effect.sync(() => server.close())
  )

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor's cancel", (it) => {
  it.effect("waits until the server closes the cancel connection, because PgBouncer crashes otherwise", () =>
    Effect.gen(function* () {
      const { server, url } = yield* TestPostgres
      const { cancels, port } = yield* slowToHangUp({ host: server.host, port: server.port })
      const through = new URL(Redacted.value(url))
      through.port = String(port)
      const report = yield* runDoctor({ url: through.href, only: ["cancel"] })
      assert.strictEqual(statusOf(report, "cancel"), "pass")
      assert.deepStrictEqual(cancels, { hungUp: 1, leftEarly: 0 })
    })
  )
})
