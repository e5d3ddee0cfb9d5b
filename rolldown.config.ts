/**
 * What the package ships, as JavaScript: the library for applications, and the program for whoever runs it.
 *
 * Declarations stay one per module; those come from tsc.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { defineConfig, type Plugin, type RolldownOptions } from "rolldown"
import { licensePlugin } from "rolldown-license-plugin"

/** Every file that somebody outside imports by its name: each is a file of `dist` under the same path. */
const doors = globSync(["src/index.ts", "src/testing/index.ts", "src/{layers,services}/*.ts"], {
  cwd: import.meta.dirname
})

const nameOf = (file: string): string => file.replace(/^src\//, "").replace(/\.ts$/, "")

const page = join(import.meta.dirname, "src", "http", "page")

/** The files of the operations page, which library and program serve as they are. */
const pageFiles: Plugin = {
  name: "page-files",
  generateBundle() {
    for (const file of globSync("*.{css,html,js}", { cwd: page })) {
      this.emitFile({ type: "asset", fileName: `http/page/${file}`, source: readFileSync(join(page, file)) })
    }
  }
}

/** What holds for both: names as they are, for whoever reads a stack trace without a source map. */
const output = {
  dir: "dist",
  minifyInternalExports: false,
  // The docstrings are in the declarations.
  comments: { legal: true, annotation: true, jsdoc: false }
} as const

/** A process that starts loads four files of it, where it would load a hundred and forty. */
const library: RolldownOptions = {
  input: Object.fromEntries(doors.map((file) => [nameOf(file), file])),
  // Only relative imports are ours: an application has one copy of effect, and it stays the only one.
  external: /^[^./]/,
  platform: "node",
  plugins: [pageFiles],
  output: {
    ...output,
    cleanDir: true,
    // One folder down, as every module is that asks for files by its own address.
    chunkFileNames: "parts/[name].js",
    sourcemap: true,
    // What stands between an application and its first row is in two files; the rest is divided by who needs it.
    codeSplitting: {
      groups: [
        { name: "settings", test: /[\\/]src[\\/]services[\\/]SessionConfig\.ts$/, priority: 2 },
        { name: "sessions", test: /[\\/]src[\\/]layers[\\/]SupavisorLayer\.ts$/, priority: 1 }
      ]
    }
  }
}

/**
 * The program shares its effect with nobody, so it brings along what it needs of it: some seventy files instead of
 * several hundred. They are CommonJS, because a module that imports one of Node's gets all it exports, and with
 * `node:http` that is the whole of fetch. Either saves more than any care for our own imports (docs/performance.md).
 */
const program: RolldownOptions = {
  input: { main: "src/main.ts" },
  platform: "node",
  // Effect looks for variables there where a bundler for browsers may have put some.
  transform: { define: { "import.meta.env": "undefined" } },
  plugins: [
    licensePlugin({
      failOnUnlicensed: true,
      done: (packages, context) => {
        const texts = packages.map(
          ({ license, licenseText, name, version }) => `${name} ${version} (${license})\n\n${licenseText.trim()}\n`
        )
        context.emitFile({ type: "asset", fileName: "program/LICENSES.txt", source: texts.join("\n\n") })
      }
    })
  ],
  output: {
    ...output,
    // The library lies there already.
    cleanDir: false,
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "program/[name].cjs"
  }
}

// In this order: the first one clears the folder.
export default defineConfig([library, program])
