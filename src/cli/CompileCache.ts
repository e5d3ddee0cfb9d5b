/**
 * Reuses the compiled code of earlier runs, which nearly halves the start-up time.
 *
 * Imports only Node, so that it runs before the program is loaded, and `node:module` as a namespace, because an older
 * Node lacks the function and must still report that it is too old.
 */
import { mkdirSync, statSync } from "node:fs"
import * as Module from "node:module"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

type Environment = Readonly<Record<string, string | undefined>>

/** Code in the cache is executed, so group and others must not be able to write to it. */
const PRIVATE = 0o700
const WRITABLE_BY_OTHERS = 0o022

/** In the user's cache directory (XDG Base Directory Specification, which ignores a relative path). */
const directoryOf = (environment: Environment): string => {
  const given = environment["XDG_CACHE_HOME"]
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), ".cache"), "effect-supavisor")
}

/**
 * Keeps compiled code in `effect-supavisor` in the user's cache directory; does nothing when others can write to it or
 * the user cannot. Node's variables (`NODE_COMPILE_CACHE`, `NODE_DISABLE_COMPILE_CACHE`) take precedence.
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
    // A read-only or missing home directory: no cache.
    return undefined
  }
}
