/** The version of Node that the program needs. Imports nothing, so that an old Node can run it. */

/** As `engines` of package.json. */
const LEAST = { major: 22, minor: 19 }

/** The message for a Node that is too old; undefined otherwise. `version` is like `24.1.0`. */
export const versionProblem = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major > LEAST.major || (major === LEAST.major && minor >= LEAST.minor)) return undefined
  return (
    `effect-supavisor needs Node ${LEAST.major}.${LEAST.minor} or later, and this is Node ${version}.\n` +
    "Install a newer one (https://nodejs.org), or run the program with it: PATH=/path/to/node/bin:$PATH npx effect-supavisor"
  )
}
