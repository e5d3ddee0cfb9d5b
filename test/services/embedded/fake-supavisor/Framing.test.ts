import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import {
  parameterStatus,
  query,
  readyForQuery,
  saslFinal
} from "../../../../src/services/embedded/fake-supavisor/BackendMessages.ts"
import { Framing } from "../../../../src/services/embedded/fake-supavisor/Framing.ts"

const messages = fc.array(
  fc.oneof(
    fc.string().map((sql) => query(sql)),
    fc.string().map((value) => parameterStatus("n", value.replaceAll("\0", ""))),
    fc.constant(readyForQuery),
    fc.constant(Buffer.from("S\0\0\0\u0004", "latin1")),
    fc.constant(saslFinal(""))
  )
)

describe("Framing", () => {
  it("finds the same messages however a stream is cut", () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat({ max: 400 })), (sent, cuts) => {
        const stream = Buffer.concat(sent)
        const framing = new Framing()
        const found: Array<readonly [number, number]> = []
        const edges = [0, ...cuts.filter((cut) => cut < stream.length).toSorted((a, b) => a - b), stream.length]
        for (let edge = 1; edge < edges.length; edge++) {
          framing.push(stream.subarray(edges[edge - 1], edges[edge]), (type, first) => found.push([type, first]))
        }
        assert.deepStrictEqual(
          found,
          sent.map((message) => [message[0] ?? 0, message[5] ?? -1])
        )
        assert.isTrue(framing.atBoundary)
      })
    )
  })

  it("reports that it is within a message", () => {
    const framing = new Framing()
    framing.push(readyForQuery.subarray(0, 5), () => assert.fail("no message has ended"))
    assert.isFalse(framing.atBoundary)
  })
})
