/** The settings in the `options` startup parameter, by name in lower case: the case of a name does not matter. */
export type StartupOptions = ReadonlyMap<string, string>

/** Settings that Supavisor reads from `options`; it drops all others (Supavisor 2.9 source, protocol_helpers.ex). */
const READ_BY_SUPAVISOR: ReadonlySet<string> = new Set(["reference", "search_path", "jit", "log_level", "client_tls"])

/** Words of a PostgreSQL command line: blanks separate, a backslash keeps the next character as it is. */
const words = (options: string): ReadonlyArray<string> =>
  (options.match(/(?:\\.|[^\s\\]|\\$)+/gsu) ?? []).map((word) => word.replace(/\\(.)/gsu, "$1"))

const addSetting = (settings: Map<string, string>, text: string): void => {
  const equals = text.indexOf("=")
  if (equals > 0) settings.set(text.slice(0, equals).replaceAll("-", "_").toLowerCase(), text.slice(equals + 1))
}

/**
 * Reads an `options` parameter as Supavisor does: `-c name=value` and `--name=value`, and only when nothing has that
 * form, the whole text as a URL query (`reference=REF&search_path=app`).
 *
 * Source: Supavisor 2.9 source, startup_options.ex; PostgreSQL docs, "Command-Line Options" of postgres.
 */
export const readStartupOptions = (options: string | undefined): StartupOptions => {
  const settings = new Map<string, string>()
  if (options === undefined) return settings
  const all = words(options)
  for (let index = 0; index < all.length; index++) {
    const word = all[index] ?? ""
    if (word === "-c") addSetting(settings, all[++index] ?? "")
    else if (word.startsWith("--")) addSetting(settings, word.slice(2))
    else if (word.startsWith("-c")) addSetting(settings, word.slice(2))
  }
  return settings.size > 0 ? settings : new Map(new URLSearchParams(options))
}

/** True when `options` names a reference in the bare form that Supavisor ignores beside `-c` or `--` settings. */
export const losesReference = (options: string | undefined): boolean =>
  options !== undefined && /(?:^|[\s&])reference=/.test(options) && !readStartupOptions(options).get("reference")

/** Names of the settings in `options` that Supavisor drops silently. */
export const droppedBySupavisor = (options: string | undefined): ReadonlyArray<string> =>
  [...readStartupOptions(options).keys()].filter((name) => !READ_BY_SUPAVISOR.has(name))
