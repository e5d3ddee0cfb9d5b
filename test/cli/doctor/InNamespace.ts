/** Runs in a network namespace with only a loopback interface; checks a host with only an IPv6 address. */
import * as Effect from "effect/Effect"
import { resolverAt } from "../../../src/services/doctor/NetworkCheck.ts"
import { nameServer } from "../../services/doctor/network/NameServer.ts"
import { runDoctor } from "./RunDoctor.ts"

const HOST = "db.abcdefghijklmnopqrst.supabase.co"

const program = Effect.gen(function* () {
  const server = yield* nameServer({ [HOST]: ["2001:db8::1"] })
  const url = `postgresql://postgres:s3cr3t-CANARY@${HOST}:5432/postgres`
  return yield* runDoctor({ url, resolver: resolverAt([server]) })
})

console.log(JSON.stringify(await Effect.runPromise(Effect.scoped(program))))
