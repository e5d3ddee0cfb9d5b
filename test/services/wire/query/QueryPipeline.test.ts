import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { pipelineUnderTest, typesOf } from "./PipelineUnderTest.ts"
import * as Server from "./ServerBytes.ts"

const described = (names: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | null>>) =>
  Buffer.concat([
    Server.parseComplete,
    Server.bindComplete,
    Server.rowDescription(names),
    ...rows.map(Server.dataRow),
    Server.commandComplete(`SELECT ${rows.length}`),
    Server.ready()
  ])

const known = (rows: ReadonlyArray<ReadonlyArray<string | null>>) =>
  Buffer.concat([
    Server.bindComplete,
    ...rows.map(Server.dataRow),
    Server.commandComplete(`SELECT ${rows.length}`),
    Server.ready()
  ])

describe("the pipeline of a session", () => {
  it("has a text parsed and described once, and from then on sends Bind, Execute and Sync", () => {
    const { send, ended, pipeline, writes } = pipelineUnderTest()
    send("select a")
    pipeline.read(described(["a"], [["1"]]))
    send("select a")
    pipeline.read(known([["2"]]))
    assert.deepStrictEqual(writes.map(typesOf), ["PBDES", "BES"])
    assert.deepStrictEqual(
      ended.map(({ objects }) => objects),
      [[{ a: "1" }], [{ a: "2" }]]
    )
  })

  it("uses a name before its Parse is answered, and has the columns when the rows arrive", () => {
    const { send, ended, pipeline, writes } = pipelineUnderTest()
    send("select a")
    send("select a")
    assert.deepStrictEqual(writes.map(typesOf), ["PBDES", "BES"])
    pipeline.read(Buffer.concat([described(["a"], [["1"]]), known([["2"]])]))
    assert.deepStrictEqual(
      ended.map(({ objects }) => objects),
      [[{ a: "1" }], [{ a: "2" }]]
    )
  })

  it("writes the batched statements of one turn of the event loop at once, and others in order with them", async () => {
    const { send, writes } = pipelineUnderTest()
    send("select 1", { isBatched: true })
    send("select 2", { isBatched: true })
    assert.deepStrictEqual(writes, [])
    await Promise.resolve()
    assert.deepStrictEqual(writes.map(typesOf), ["PBDESPBDES"])
    send("select 3", { isBatched: true })
    send("select 4")
    assert.deepStrictEqual(writes.map(typesOf), ["PBDESPBDES", "PBDESPBDES"])
  })

  it("reads the same whatever the chunks are, each answer with its statement", () => {
    const cell = fc.option(fc.string({ maxLength: 40 }), { nil: null })
    const answer = fc.oneof(
      fc.record({ kind: fc.constant("rows" as const), rows: fc.array(fc.tuple(cell, cell), { maxLength: 5 }) }),
      fc.record({ kind: fc.constant("error" as const), code: fc.constantFrom("22012", "42P01", "57014") }),
      fc.record({ kind: fc.constant("empty" as const) }),
      fc.record({ kind: fc.constant("command" as const), count: fc.nat(1000) })
    )
    fc.assert(
      fc.property(
        fc.array(answer, { minLength: 1, maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
        fc.boolean(),
        (answers, places, isNoisy) => {
          const { send, broken, ended, pipeline } = pipelineUnderTest()
          for (const index of answers.keys()) send(`statement ${index}`)
          const noise = isNoisy ? [Server.notice("by the way"), Server.parameterStatus("TimeZone", "UTC")] : []
          const bytes = answers.flatMap((one) => {
            switch (one.kind) {
              case "rows":
                return [described(["a", "b"], one.rows), ...noise]
              case "error":
                return [...noise, Server.error(one.code, "no"), Server.ready()]
              case "empty":
                return [
                  Server.parseComplete,
                  Server.bindComplete,
                  Server.noData,
                  ...noise,
                  Server.emptyQuery,
                  Server.ready()
                ]
              case "command":
                return [
                  Server.parseComplete,
                  Server.bindComplete,
                  Server.noData,
                  Server.commandComplete(`UPDATE ${one.count}`),
                  Server.ready()
                ]
            }
          })
          for (const chunk of Server.cutAt(Buffer.concat(bytes), places)) pipeline.read(chunk)
          assert.deepStrictEqual(broken, [])
          assert.strictEqual(pipeline.depth, 0)
          assert.deepStrictEqual(
            ended.map((cycle) => [cycle.query.sql, cycle.sqlState, cycle.result.rows, cycle.result.rowCount]),
            answers.map((one, index) => [
              `statement ${index}`,
              one.kind === "error" ? one.code : undefined,
              one.kind === "rows" ? one.rows.map(([a, b]) => ({ a, b })) : [],
              one.kind === "rows" ? one.rows.length : one.kind === "command" ? one.count : 0
            ])
          )
        }
      )
    )
  })

  it("runs what goes ahead in the same cycle, and skips the statement when that fails", () => {
    const { send, ended, pipeline, writes } = pipelineUnderTest()
    send("select a", { prepended: "BEGIN" })
    assert.deepStrictEqual(writes.map(typesOf), ["PBEPBDES"])
    pipeline.read(
      Buffer.concat([
        Server.parseComplete,
        Server.bindComplete,
        Server.commandComplete("BEGIN"),
        described(["a"], [["1"]]).subarray(0, -Server.ready().length),
        Server.ready("T")
      ])
    )
    send("select a", { prepended: "BEGIN ISOLATION LEVEL SERIALIZABLE" })
    pipeline.read(Buffer.concat([Server.error("0A000", "not in recovery"), Server.ready()]))
    assert.deepStrictEqual(
      ended.map(({ objects, sqlState, tag }) => [objects, sqlState, tag]),
      [
        [[{ a: "1" }], undefined, "SELECT 1"],
        [[], "0A000", ""]
      ]
    )
  })

  it("sends the statement once more without a name when the plan or the name is gone, but not in a failed transaction", () => {
    for (const code of ["0A000", "26000"]) {
      const { send, ended, pipeline, writes } = pipelineUnderTest()
      send("select a")
      pipeline.read(described(["a"], [["1"]]))
      send("select a")
      pipeline.read(Buffer.concat([Server.error(code, "gone"), Server.ready()]))
      assert.strictEqual(ended.length, 1)
      // The name of no further use is closed on the way.
      assert.deepStrictEqual(writes.map(typesOf), ["PBDES", "BES", "CPBDES"])
      pipeline.read(Buffer.concat([Server.closeComplete, described(["a", "b"], [["1", "2"]])]))
      assert.deepStrictEqual(ended[1]!.objects, [{ a: "1", b: "2" }])
      send("select a")
      pipeline.read(described(["a"], [["1"]]))
      send("select a")
      pipeline.read(Buffer.concat([Server.error(code, "gone"), Server.ready("E")]))
      assert.strictEqual(ended.at(-1)!.sqlState, code)
    }
  })

  it("closes a name whose Parse failed, and parses under another one the next time", () => {
    const { send, ended, pipeline, writes } = pipelineUnderTest()
    send("select nothing")
    pipeline.read(Buffer.concat([Server.error("42P01", "no such table"), Server.ready()]))
    send("select nothing")
    assert.deepStrictEqual(writes.map(typesOf), ["PBDES", "CPBDES"])
    pipeline.read(Buffer.concat([Server.closeComplete, described(["a"], [["1"]])]))
    assert.deepStrictEqual(ended[1]!.objects, [{ a: "1" }])
  })

  it("keeps as many names as it may, and closes the least recently used one with the next statement", () => {
    const { send, pipeline, writes } = pipelineUnderTest({ named: 2 })
    const answered = (sql: string, closes = 0) => {
      send(sql)
      const bytes = typesOf(writes.at(-1)!).includes("P") ? described(["a"], []) : known([])
      pipeline.read(Buffer.concat([...Array.from({ length: closes }, () => Server.closeComplete), bytes]))
    }
    answered("one")
    answered("two")
    answered("one")
    answered("three", 1)
    answered("one")
    answered("two", 1)
    assert.deepStrictEqual(writes.map(typesOf), ["PBDES", "PBDES", "BES", "CPBDES", "BES", "CPBDES"])
  })

  it("fails the statement whose row it cannot read, and goes on with the next", () => {
    const { send, broken, ended, pipeline } = pipelineUnderTest()
    send("select a")
    send("select b")
    const unreadable = Server.dataRow(["x"])
    unreadable[unreadable.length - 1] = 0xff
    const head = [Server.parseComplete, Server.bindComplete, Server.rowDescription(["a"])]
    pipeline.read(
      Buffer.concat([...head, unreadable, Server.dataRow(["1"]), Server.commandComplete("SELECT 2"), Server.ready()])
    )
    pipeline.read(described(["b"], [["2"]]))
    assert.deepStrictEqual(broken, [])
    assert.isDefined(ended[0]!.failure)
    assert.deepStrictEqual(ended[1]!.objects, [{ b: "2" }])
  })

  it("stops at what is not the protocol: a wrong order, a wrong length, a message too large, a COPY", () => {
    const head = [Server.parseComplete, Server.bindComplete, Server.rowDescription(["a"])]
    const cases: ReadonlyArray<readonly [Buffer, RegExp]> = [
      [Server.bindComplete, /Unexpected message 2 instead of 1/],
      [Buffer.from([0x5a, 0, 0, 0, 1]), /Message length 1 is impossible/],
      [Buffer.from([0x44, 0x7f, 0, 0, 0]), /Message length 2130706432 is impossible/],
      [Buffer.concat([...head, Buffer.from([0x44, 0x7f, 0, 0, 0])]), /exceeds maxMessageSize 16777216/],
      [Buffer.from([0x47, 0, 0, 0, 7, 0, 0, 0]), /COPY is not supported/]
    ]
    for (const [bytes, message] of cases) {
      const { send, broken, ended, pipeline } = pipelineUnderTest()
      send("select a")
      pipeline.read(bytes)
      assert.match(String(broken[0]), message)
      pipeline.fail(new Error("lost"))
      assert.deepStrictEqual(
        ended.map(({ failure }) => String(failure)),
        ["Error: lost"]
      )
    }
  })

  it("keeps the facts of the session: its status, changed settings, its FATAL", () => {
    const { send, pipeline, tap } = pipelineUnderTest()
    send("set time zone utc")
    pipeline.read(
      Buffer.concat([
        Server.parseComplete,
        Server.bindComplete,
        Server.noData,
        Server.commandComplete("SET"),
        Server.ready("T"),
        Server.parameterStatus("TimeZone", "UTC"),
        Server.error("57P01", "terminating connection", "FATAL")
      ])
    )
    assert.deepStrictEqual(
      [tap.status, tap.parameterChanges, tap.fatal?.sqlState, tap.messages, tap.messagesBeforeFatal],
      ["T", 1, "57P01", 7, 6]
    )
  })

  it("transfers the connection after the last answer, from the very next byte, and reclaims it", () => {
    const { send, ended, pipeline } = pipelineUnderTest()
    send("select a")
    const received: Array<string> = []
    pipeline.transferTo((bytes) => received.push(typesOf(bytes)))
    pipeline.read(Buffer.concat([described(["a"], [["1"]]), Server.notice("for the driver")]))
    pipeline.read(Server.ready())
    assert.strictEqual(ended.length, 1)
    assert.deepStrictEqual(received, ["N", "Z"])
    pipeline.reclaim()
    send("select a")
    pipeline.read(known([["2"]]))
    assert.deepStrictEqual(ended[1]!.objects, [{ a: "2" }])
  })
})

describe("a setting that the server reports", () => {
  it("has changed when its value is another one, not when a pooler repeats the same value", () => {
    const { pipeline, tap } = pipelineUnderTest()
    tap.push(Buffer.concat([Server.parameterStatus("TimeZone", "UTC"), Server.ready()]))
    pipeline.read(Server.parameterStatus("TimeZone", "UTC"))
    assert.strictEqual(tap.parameterChanges, 0)
    pipeline.read(Server.parameterStatus("TimeZone", "Asia/Tokyo"))
    pipeline.read(Server.parameterStatus("TimeZone", "Asia/Tokyo"))
    assert.strictEqual(tap.parameterChanges, 1)
    pipeline.read(Server.parameterStatus("TimeZone", "UTC"))
    assert.strictEqual(tap.parameterChanges, 2)
  })
})
