/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto"

const KEY_BYTES = 32
const NONCE_BYTES = 18

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()

const attribute = (message: string, name: string): string => {
  const found = message.split(",").find((part) => part.startsWith(`${name}=`))
  if (found === undefined) throw new Error(`The server's SCRAM message lacks ${name}`)
  return found.slice(2)
}

/** One login: send `first`, then `final` of the server's reply. */
export class Scram {
  private readonly bare = `n=,r=${randomBytes(NONCE_BYTES).toString("base64")}`
  readonly first = `n,,${this.bare}`

  final(reply: string, password: string): string {
    const salt = Buffer.from(attribute(reply, "s"), "base64")
    const salted = pbkdf2Sync(password.normalize("NFKC"), salt, Number(attribute(reply, "i")), KEY_BYTES, "sha256")
    const unproved = `c=biws,r=${attribute(reply, "r")}`
    const clientKey = hmac(salted, "Client Key")
    const storedKey = createHash("sha256").update(clientKey).digest()
    const signature = hmac(storedKey, `${this.bare},${reply},${unproved}`)
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)))
    return `${unproved},p=${proof.toString("base64")}`
  }
}
