import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { widthOf } from "../../../src/cli/terminal/PlainText.ts"
import { statusLine, statusTable } from "../../../src/cli/status/StatusText.ts"
import { busyStatus, downStatus, idleStatus, NOW } from "./Statuses.ts"

const BASE = "http://127.0.0.1:8321"

describe("a status as a line", () => {
  it("shows the verdict with its duration, and the numbers as pairs", () => {
    assert.strictEqual(
      statusLine(idleStatus, NOW),
      "Up for 2h 13m: The database answers. | open=2/5 used=0 idle=2 connecting=0 waiting=0 ceiling=5 " +
        "wait_p95=0.31ms query_p95=4.2ms queries=12/s findings=0 database=db.example.com:5432/postgres"
    )
  })

  it("shows why a program is degraded or down", () => {
    assert.match(
      statusLine(busyStatus, NOW),
      /^Degraded for 12 s: All 5 sessions are in use, 2 callers wait \(oldest 1\.2 s\)\. \| open=5\/5 /
    )
    assert.match(
      statusLine(downStatus, NOW),
      /^Down for 4\.0 s: Connect ECONNREFUSED db\.example\.com:5432 after 2 ms\. \|/
    )
  })

  it("marks a demonstration", () => {
    assert.match(statusLine({ ...idleStatus, demo: true }, NOW), / demo=true$/)
  })

  it("shows the verdict of a newer version as it is", () => {
    const verdict = {
      ...idleStatus.verdict,
      level: "hibernating",
      word: "Hibernating",
      reason: "It is cold.",
      since: NOW
    }
    assert.match(statusLine({ ...idleStatus, verdict }, NOW), /^Hibernating for 0 ms: It is cold\. \|/)
  })
})

describe("a status as a table", () => {
  it("shows findings with remedies, the longest leases first, and waiters", () => {
    assert.deepStrictEqual(statusTable(busyStatus, BASE, 100, NOW), [
      "STATE       Degraded for 12 s: All 5 sessions are in use, 2 callers wait (oldest 1.2 s).",
      "PROGRAM     effect-supavisor 9.9.9, up 2h 13m, pid 4242, Node.js v24.21.0, 3 % of a core, 84 MiB,",
      "            event loop p99 11 ms",
      "ADDRESS     http://127.0.0.1:8321",
      "DATABASE    db.example.com:5432/postgres",
      "SESSIONS    5 of 5: 5 used, 0 idle; 0 connecting, 0 closing; ceiling 5",
      "WAITING     2 of at most 1000, the oldest for 1.2 s",
      "WAITS       p50 0.02 ms, p95 0.31 ms, p99 1.2 ms",
      "QUERIES     12/s, p50 0.80 ms, p95 4.2 ms, p99 38 ms",
      "",
      "warning: The pool is saturated. All 5 sessions have been leased for 12 s, and 2 callers wait.",
      "  To do: Find the longest lease below; or set DB_POOL_MAX higher.",
      "",
      "ID  PID  STATE     HELD  BY                  AGE  USES  ACTIVITY",
      " 3  803  used      31 s  nightly export   3m 00s    30  runs for 31 s: select * from orders where p…",
      " 5  805  used    200 ms  checkout #35     5m 00s    50  ran: select 1 [last error: duplicate key va…",
      " 4  804  used    160 ms  checkout #34     4m 00s    40  ran: select 1",
      " 2  802  used     80 ms  checkout #32     2m 00s    20  ran: select 1",
      " 1  801  used     40 ms  checkout #31     1m 00s    10  ran: select 1",
      "",
      "WAITING  GIVES UP AFTER  CALLER",
      "  1.2 s            29 s  checkout #41",
      " 310 ms            30 s  report #44"
    ])
  })

  it("shows the remedy and the last failure of a program that is down", () => {
    const text = statusTable(downStatus, BASE, 200, NOW).join("\n")
    assert.include(text, "TO DO       Check the host and the port, and that the server runs.")
    assert.include(text, "LAST ERROR  connect ECONNREFUSED db.example.com:5432 (CONNECTION_REFUSED, 700 ms ago)")
  })

  it("is never wider than the terminal", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(idleStatus, busyStatus, downStatus),
        fc.integer({ min: 40, max: 300 }),
        (status, width) => {
          for (const line of statusTable(status, BASE, width, NOW)) assert.isAtMost(widthOf(line), width)
        }
      )
    )
  })
})
