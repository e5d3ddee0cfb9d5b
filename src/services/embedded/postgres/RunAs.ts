/** The user that the server runs as, and whether that user can read a path. */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** A user and group to drop to. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
}

// The overflow uid of the Linux kernel; setuid needs no entry in /etc/passwd.
const unprivileged: RunAs = { uid: 65_534, gid: 65_534 }

const worldExecute = 0o001
const worldRead = 0o004

/** PostgreSQL refuses to run as root (PostgreSQL docs, section 18.1), so root runs it as an unprivileged user. */
export const runAs = (): RunAs | undefined => (process.getuid?.() === 0 ? unprivileged : undefined)

/** Whether a user without special rights can read a file or directory: every directory above must be executable. */
export const isReachable = (path: string): boolean => {
  const real = Fs.realpathSync(path)
  if ((Fs.statSync(real).mode & worldRead) === 0) return false
  for (let directory = Path.dirname(real); ; directory = Path.dirname(directory)) {
    if ((Fs.statSync(directory).mode & worldExecute) === 0) return false
    if (directory === Path.dirname(directory)) return true
  }
}
