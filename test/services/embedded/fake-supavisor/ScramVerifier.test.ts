import { assert, describe, it } from "@effect/vitest"
import * as PgAuth from "@effect/sql-pg/PgAuth"
import * as Result from "effect/Result"
import fc from "fast-check"
import { challenge, verifierOf } from "../../../../src/services/embedded/fake-supavisor/ScramVerifier.ts"

/** Runs an exchange with Effect's client; whether each side accepts the other. */
const exchange = (stored: string, given: string): { readonly server: boolean; readonly client: boolean } => {
  const first = Result.getOrThrow(PgAuth.scramInit({ password: given, nonce: "fyko+d2lbbFgONRv9qkxdawL" }))
  const scram = challenge(Buffer.from(first.response).toString(), verifierOf(stored))
  if (scram === undefined) return assert.fail("a good first message was refused")
  const last = Result.getOrThrow(PgAuth.scramContinue(first.state, Buffer.from(scram.serverFirst)))
  const outcome = scram.finish(Buffer.from(last.response).toString())
  if (outcome === undefined) return { server: false, client: false }
  return { server: true, client: Result.isSuccess(PgAuth.scramFinish(last.state, Buffer.from(outcome))) }
}

describe("ScramVerifier", () => {
  it("accepts the right password only, and sends the client its proof", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (stored, given) => {
        const right = stored === given
        assert.deepStrictEqual(exchange(stored, stored), { server: true, client: true })
        assert.deepStrictEqual(exchange(stored, given), { server: right, client: right })
      }),
      // Each run hashes passwords four times with 4096 iterations.
      { numRuns: 20 }
    )
  })

  it("accepts a first message without channel binding, and nothing else", () => {
    const verifier = verifierOf("secret")
    assert.isDefined(challenge("n,,n=,r=abc", verifier))
    assert.isDefined(challenge("y,,n=,r=abc", verifier))
    for (const wrong of ["p=tls-server-end-point,,n=,r=abc", "n,,n=", "", "r=abc"]) {
      assert.isUndefined(challenge(wrong, verifier))
    }
  })

  it("reports an answer with another nonce as a violation", () => {
    const scram = challenge("n,,n=,r=abc", verifierOf("secret"))
    assert.strictEqual(scram?.finish("c=biws,r=abc,p=AAAA"), "violation")
    assert.strictEqual(scram?.finish("nonsense"), "violation")
    assert.match(scram?.serverFirst ?? "", /^r=abc.{24},s=.{24},i=4096$/)
  })
})
