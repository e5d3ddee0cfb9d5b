/** The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), from a verifier as PostgreSQL stores it. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto"
import { saslPrep } from "../../wire/SaslPrep.ts"

/** Supavisor always sends this number, whatever the role was hashed with (Supavisor 2.9 source, protocol/server.ex). */
const ITERATIONS = 4096
/** As in PostgreSQL (scram-common.h). */
const SALT_BYTES = 16
const NONCE_BYTES = 18
const KEY_BYTES = 32

/** What the server stores for a password. */
export interface ScramVerifier {
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()
const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest()

/** Hashes a password; takes about two milliseconds. */
export const verifierOf = (password: string): ScramVerifier => {
  const salt = randomBytes(SALT_BYTES)
  const salted = pbkdf2Sync(saslPrep(password), salt, ITERATIONS, KEY_BYTES, "sha256")
  return { salt, storedKey: sha256(hmac(salted, "Client Key")), serverKey: hmac(salted, "Server Key") }
}

const CLIENT_FIRST = /^([ny]),[^,]*,(n=[^,]*,r=([^,]+).*)$/s
const CLIENT_FINAL = /^(c=[^,]+,r=([^,]+)),p=([^,]+)$/s

/** Answers a client's first message; undefined when it is invalid or requires channel binding. */
export const challenge = (clientFirst: string, verifier: ScramVerifier) => {
  const [, , bare, clientNonce] = CLIENT_FIRST.exec(clientFirst) ?? []
  if (bare === undefined || clientNonce === undefined) return undefined
  const nonce = clientNonce + randomBytes(NONCE_BYTES).toString("base64")
  const serverFirst = `r=${nonce},s=${verifier.salt.toString("base64")},i=${ITERATIONS}`
  return {
    serverFirst,
    /** The server's last message when the proof is right; undefined when the password was wrong. */
    finish: (clientFinal: string): string | undefined | "violation" => {
      const [, withoutProof, finalNonce, proof] = CLIENT_FINAL.exec(clientFinal) ?? []
      if (withoutProof === undefined || proof === undefined || finalNonce !== nonce) return "violation"
      const signed = `${bare},${serverFirst},${withoutProof}`
      const signature = hmac(verifier.storedKey, signed)
      const given = Buffer.from(proof, "base64")
      if (given.length !== signature.length) return undefined
      const clientKey = Buffer.from(given.map((byte, index) => byte ^ (signature[index] ?? 0)))
      return timingSafeEqual(sha256(clientKey), verifier.storedKey)
        ? `v=${hmac(verifier.serverKey, signed).toString("base64")}`
        : undefined
    }
  }
}
