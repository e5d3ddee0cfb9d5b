/** A certificate of its own making, for tests of TLS. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]

/** Certificate and key for `localhost` as PEM texts; undefined where there is no openssl to make them. */
export const selfSigned = (): { readonly cert: string; readonly key: string } | undefined => {
  const directory = mkdtempSync(join(tmpdir(), "supavisor-tls-"))
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")]
  try {
    const names = ["-addext", "subjectAltName=DNS:localhost,DNS:db.example.test"]
    execFileSync("openssl", [...request, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" })
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") }
  } catch {
    return undefined
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
