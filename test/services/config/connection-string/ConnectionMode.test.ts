import { assert, describe, it } from "@effect/vitest"
import * as ConnectionString from "../../../../src/services/config/ConnectionString.ts"
import { codes, read, REF, SESSION_URL } from "./Samples.ts"

describe("ConnectionString.checkMode", () => {
  it("allows on Supabase's hosts only what the port serves", () => {
    const addresses = {
      session: SESSION_URL,
      transaction: SESSION_URL.replace(":5432", ":6543"),
      direct: `postgres://u:longpass@db.${REF}.supabase.co:5432/d`,
      dedicated: `postgres://u:longpass@db.${REF}.supabase.co:6543/d`,
      loopback: "postgres://u:longpass@localhost:6543/d",
      unknown: "postgres://u:longpass@db.example.com:6543/d"
    }
    const expected = {
      session: ["", "session-port", "pooler-under-direct"],
      transaction: ["transaction-port", "", "pooler-under-direct"],
      direct: ["direct-host", "direct-host", ""],
      dedicated: ["dedicated-pooler", "", "pooler-under-direct"],
      loopback: ["", "", ""],
      unknown: ["", "", ""]
    }
    const modes = ["supavisor_session", "supavisor_transaction", "direct"] as const
    for (const at of Object.keys(expected) as ReadonlyArray<keyof typeof expected>) {
      const connection = read(addresses[at])
      const found = modes.map((mode) => codes(ConnectionString.checkMode(connection, mode).problems).join())
      assert.deepStrictEqual(found, expected[at], at)
    }
  })

  it("notes what transaction mode cannot keep, and a port that usually serves it", () => {
    const transaction = read(SESSION_URL.replace(":5432", ":6543"))
    const kept = ConnectionString.checkMode(transaction, "supavisor_transaction").notes
    assert.deepStrictEqual(codes(kept), ["transaction-mode"])
    const local = read("postgres://u:longpass@localhost:6543/d")
    const likely = ConnectionString.checkMode(local, "supavisor_session").notes
    assert.deepStrictEqual(codes(likely), ["likely-transaction-port"])
    assert.deepStrictEqual(ConnectionString.checkMode(read(SESSION_URL), "supavisor_session").notes, [])
  })
})
