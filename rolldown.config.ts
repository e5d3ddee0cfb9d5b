/**
 * What the package ships, as JavaScript: a process that starts loads four files, where it would load a hundred and forty.
 *
 * Declarations stay one per module; those come from tsc.
 */
import { globSync } from "node:fs"
import { defineConfig } from "rolldown"

/** Every file that somebody outside imports or runs by its name: each is a file of `dist` under the same path. */
const doors = globSync(["src/{index,main}.ts", "src/testing/index.ts", "src/{layers,services}/*.ts"], {
  cwd: import.meta.dirname
})

const nameOf = (file: string): string => file.replace(/^src\//, "").replace(/\.ts$/, "")

export default defineConfig({
  input: Object.fromEntries(doors.map((file) => [nameOf(file), file])),
  // Only relative imports are ours: an application has one copy of effect, and it stays the only one.
  external: /^[^./]/,
  platform: "node",
  output: {
    dir: "dist",
    cleanDir: true,
    // One folder down, as every module is that asks for files by its own address.
    chunkFileNames: "parts/[name].js",
    // Names as they are, for whoever reads a stack trace without the source map.
    minifyInternalExports: false,
    sourcemap: true,
    // The docstrings are in the declarations.
    comments: { legal: true, annotation: true, jsdoc: false },
    // What stands between an application and its first row is in two files; the rest is divided by who needs it.
    codeSplitting: {
      groups: [
        { name: "settings", test: /[\\/]src[\\/]services[\\/]SessionConfig\.ts$/, priority: 2 },
        { name: "sessions", test: /[\\/]src[\\/]layers[\\/]SupavisorLayer\.ts$/, priority: 1 }
      ]
    }
  }
})
