/** The temporary directory of one server: data, password file, libraries, TLS files, log. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"

// The overflow uid of the Linux kernel; setuid needs no entry in /etc/passwd.
const unprivileged = { uid: 65_534, gid: 65_534 }

const worldExecute = 0o001
const worldRead = 0o004

/** PostgreSQL refuses to run as root (PostgreSQL docs, section 18.1), so root runs it as an unprivileged user. */
export const runAs = (): typeof unprivileged | undefined => (process.getuid?.() === 0 ? unprivileged : undefined)

/** Whether a user without special rights can read a file or directory: every directory above must be executable. */
const isReachable = (path: string): boolean => {
  const real = Fs.realpathSync(path)
  if ((Fs.statSync(real).mode & worldRead) === 0) return false
  for (let directory = Path.dirname(real); ; directory = Path.dirname(directory)) {
    if ((Fs.statSync(directory).mode & worldExecute) === 0) return false
    if (directory === Path.dirname(directory)) return true
  }
}

type User = ReturnType<typeof runAs>

/** Certificate and key of the server, each as PEM text or as the path of a PEM file. */
export interface ServerTls {
  readonly cert: string
  readonly key: string
}

export interface ServerDirectory {
  readonly root: string
  readonly data: string
  readonly passwordFile: string
  readonly logFile: string
  /** The programs; a copy in `root` when the server's user cannot read the original. */
  readonly binDir: string
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
  /** The user of the server's processes; undefined means the user of this process. */
  readonly runAs: User
  /** The whole environment of the server's processes. */
  readonly env: Record<string, string>
}

const ownerOnlyDirectory = 0o700
const ownerOnlyFile = 0o600
// Ending backends may still write files; Node waits 100 ms longer after each attempt.
const removal = { recursive: true, force: true, maxRetries: 10 } as const
const pemMarker = "-----BEGIN"

const prepareFailed = (error: unknown) =>
  new EmbeddedPostgresError({
    step: "prepare",
    detail: `The temporary directory could not be prepared: ${error instanceof Error ? error.message : String(error)}.`,
    remedy: "Check that TMPDIR is writable and has about 100 MB of free space."
  })

/** The system's temporary directory, or /tmp when the server's user cannot enter it. */
const temporaryRoot = (user: User): string => {
  const preferred = Os.tmpdir()
  return user === undefined || isReachable(preferred) ? preferred : "/tmp"
}

const changeOwner = (path: string, user: User): void => {
  if (user !== undefined) Fs.chownSync(path, user.uid, user.gid)
}

const writePrivate = (path: string, content: string | Buffer, user: User): string => {
  Fs.writeFileSync(path, content, { mode: ownerOnlyFile })
  changeOwner(path, user)
  return path
}

const changeOwnerOfAll = (path: string, user: NonNullable<User>): void => {
  Fs.lchownSync(path, user.uid, user.gid)
  if (!Fs.lstatSync(path).isDirectory()) return
  for (const name of Fs.readdirSync(path)) changeOwnerOfAll(Path.join(path, name), user)
}

/** Copies the installation when it is an npm package that the server's user cannot read. */
const reachableBinDir = (binDir: string, root: string, user: User): string => {
  const native = Path.dirname(binDir)
  const needed = [Path.join(binDir, "postgres"), Path.join(native, "lib"), Path.join(native, "share")]
  const isPackage = Fs.existsSync(Path.join(native, "pg-symlinks.json"))
  if (user === undefined || !isPackage || needed.every(isReachable)) return binDir
  const copy = Path.join(root, "native")
  Fs.cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  changeOwnerOfAll(copy, user)
  return Path.join(copy, "bin")
}

/** Creates the links to shared libraries that the package's install script would create. */
const libraryPath = (binDir: string, root: string, user: User): string | undefined => {
  const native = Path.dirname(binDir)
  const listFile = Path.join(native, "pg-symlinks.json")
  if (!Fs.existsSync(listFile)) return undefined
  const links = Path.join(root, "lib")
  Fs.mkdirSync(links, { mode: ownerOnlyDirectory })
  changeOwner(links, user)
  const list = JSON.parse(Fs.readFileSync(listFile, "utf8")) as ReadonlyArray<{ source: string; target: string }>
  for (const { source, target } of list) {
    const file = Path.join(native, Path.relative("native", source))
    Fs.symlinkSync(file, Path.join(links, Path.basename(target)))
  }
  return `${links}:${Path.join(native, "lib")}`
}

const prepareTls = (tls: ServerTls | undefined, root: string, user: User): ServerDirectory["tls"] => {
  if (tls === undefined) return undefined
  const read = (pemOrPath: string) => (pemOrPath.includes(pemMarker) ? pemOrPath : Fs.readFileSync(pemOrPath))
  return {
    certFile: writePrivate(Path.join(root, "server.crt"), read(tls.cert), user),
    keyFile: writePrivate(Path.join(root, "server.key"), read(tls.key), user)
  }
}

const environment = (libraries: string | undefined): Record<string, string> => ({
  PATH: "/usr/bin:/bin",
  LC_ALL: "C",
  // initdb sets the server's time zone from it; it should not depend on the machine.
  TZ: "UTC",
  ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries })
})

/** A unique path for the directory, known before it is created so that the watchdog can start first. */
export const chooseRoot: Effect.Effect<string, EmbeddedPostgresError> = Effect.try({
  try: () => Path.join(Fs.realpathSync(temporaryRoot(runAs())), `effect-supavisor-postgres-${randomUUID()}`),
  catch: prepareFailed
})

/** Creates the directory, accessible to the server's user only, and removes it when the scope closes. */
export const makeRoot = (root: string): Effect.Effect<void, EmbeddedPostgresError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        Fs.mkdirSync(root, { mode: ownerOnlyDirectory })
        changeOwner(root, runAs())
      },
      catch: prepareFailed
    }),
    () => Effect.ignore(Effect.tryPromise(() => Fs.promises.rm(root, removal)))
  )

/** Writes the files that initdb and the server need. */
export const prepare = (
  root: string,
  options: { readonly binDir: string; readonly password: string; readonly tls: ServerTls | undefined }
): Effect.Effect<ServerDirectory, EmbeddedPostgresError> =>
  Effect.try({
    try: () => {
      const user = runAs()
      const binDir = reachableBinDir(options.binDir, root, user)
      return {
        root,
        data: Path.join(root, "data"),
        passwordFile: writePrivate(Path.join(root, "password"), options.password, user),
        logFile: writePrivate(Path.join(root, "server.log"), "", user),
        binDir,
        tls: prepareTls(options.tls, root, user),
        runAs: user,
        env: environment(libraryPath(binDir, root, user))
      }
    },
    catch: prepareFailed
  })
