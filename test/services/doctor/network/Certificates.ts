/** Certificates of a test authority, valid or with a chosen fault. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The fields of a leaf certificate. */
export interface LeafOptions {
  /** Names and addresses, as `subjectAltName` writes them. Default: 127.0.0.1 and localhost. */
  readonly names?: string
  /** `YYMMDDHHMMSSZ`. Default: yesterday to a year from now. */
  readonly from?: string
  readonly to?: string
}

export interface Leaf {
  /** The leaf and its authority, as a server sends them. */
  readonly cert: string
  readonly key: string
}

/** A certificate authority. */
export interface Authority {
  readonly certificate: string
  readonly sign: (options?: LeafOptions) => Leaf
}

const MILLIS_PER_DAY = 86_400_000

/** The time in so many days, in the format of openssl's `ca` command. */
export const inDays = (days: number): string =>
  `${new Date(Date.now() + days * MILLIS_PER_DAY).toISOString().slice(2).replaceAll(/[-:T]/g, "").slice(0, 12)}Z`

const openssl = (directory: string, ...args: ReadonlyArray<string>): void => {
  execFileSync("openssl", args, { cwd: directory, stdio: "ignore" })
}

/** Fast to generate; RSA takes a second. */
const EC_KEY = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]

const CONFIGURATION = `
[ca]
default_ca = own
[own]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
`

/** Makes an authority; undefined without openssl. `dispose` removes its files. */
export const makeAuthority = (): (Authority & { readonly dispose: () => void }) | undefined => {
  const directory = mkdtempSync(join(tmpdir(), "doctor-tls-"))
  const read = (name: string) => readFileSync(join(directory, name), "utf8")
  try {
    writeFileSync(join(directory, "ca.cnf"), CONFIGURATION)
    writeFileSync(join(directory, "index.txt"), "")
    writeFileSync(join(directory, "serial"), "01\n")
    const subject = ["-subj", "/CN=Test Root", "-addext", "basicConstraints=critical,CA:TRUE"]
    openssl(
      directory,
      "req",
      "-x509",
      "-newkey",
      ...EC_KEY,
      "-nodes",
      "-days",
      "365",
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      ...subject
    )
  } catch {
    rmSync(directory, { recursive: true, force: true })
    return undefined
  }
  const sign = ({
    from = inDays(-1),
    names = "IP:127.0.0.1,DNS:localhost",
    to = inDays(365)
  }: LeafOptions = {}): Leaf => {
    const extension = ["-addext", `subjectAltName=${names}`]
    openssl(
      directory,
      "req",
      "-newkey",
      ...EC_KEY,
      "-nodes",
      "-subj",
      "/CN=pooler.test",
      "-keyout",
      "leaf.key",
      "-out",
      "leaf.csr",
      ...extension
    )
    const validity = ["-startdate", from, "-enddate", to]
    openssl(
      directory,
      "ca",
      "-batch",
      "-notext",
      "-config",
      "ca.cnf",
      "-cert",
      "ca.crt",
      "-keyfile",
      "ca.key",
      "-in",
      "leaf.csr",
      "-out",
      "leaf.crt",
      ...validity
    )
    return { cert: read("leaf.crt") + read("ca.crt"), key: read("leaf.key") }
  }
  return { certificate: read("ca.crt"), sign, dispose: () => rmSync(directory, { recursive: true, force: true }) }
}
