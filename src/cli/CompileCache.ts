/**
 * The compiled code of earlier runs, so that a command answers in little more than half the time.
 *
 * Imports nothing but Node, so that it stands before the rest of the program is loaded; the module as a whole, because
 * an older Node without the function has to get as far as being told that it is too old.
 */
import { mkdirSync, statSync } from "node:fs"
import * as Module from "node:module"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

type Environment = Readonly<Record<string, string | undefined>>

/** What lies in the cache is run, so nobody else may write to it: no bits of the group, none of others. */
const PRIVATE = 0o700
const WRITABLE_BY_OTHERS = 0o022

/** Below the user's directory for caches (XDG Base Directory Specification); a relative one is to be ignored. */
const directoryOf = (environment: Environment): string => {
  const given = environment["XDG_CACHE_HOME"]
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), ".cache"), "effect-supavisor")
}

/**
 * Keeps compiled code in `effect-supavisor` in the user's cache directory from now on; does nothing where that cannot be
 * written or is not the user's alone. Node's own variables (`NODE_COMPILE_CACHE`, `NODE_DISABLE_COMPILE_CACHE`) decide
 * when they are set.
 */
export const useCompileCache = (environment: Environment): string | undefined => {
  if (environment["NODE_COMPILE_CACHE"] !== undefined) return undefined
  if (environment["NODE_DISABLE_COMPILE_CACHE"] !== undefined) return undefined
  try {
    const directory = directoryOf(environment)
    mkdirSync(directory, { recursive: true, mode: PRIVATE })
    const { mode, uid } = statSync(directory)
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & WRITABLE_BY_OTHERS) === 0)
    return isOurs ? Module.enableCompileCache(directory).directory : undefined
  } catch {
    // A home that is read-only or missing: the program starts as it did before.
    return undefined
  }
}
