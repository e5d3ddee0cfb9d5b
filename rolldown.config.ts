/**
 * Builds the package's JavaScript: the library, one file for each entry point, and the program.
 *
 * The declarations come from tsc, one for each module, in dist/types.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { defineConfig, type Plugin, type RolldownOptions } from "rolldown"
import { licensePlugin } from "rolldown-license-plugin"

/** The package's entry points and their sources; `exports` in package.json has the same names (test/Repository.test.ts). */
export const entryPoints: Readonly<Record<string, string>> = {
  index: "src/index.ts",
  SupavisorLayer: "src/layers/SupavisorLayer.ts",
  SessionPool: "src/services/pool/SessionPool.ts",
  SessionConfig: "src/services/config/SessionConfig.ts",
  SessionError: "src/services/errors/SessionError.ts",
  ConnectionString: "src/services/config/ConnectionString.ts",
  Listener: "src/services/sql/Listener.ts",
  Pipelining: "src/services/sql/Pipelining.ts",
  Transactions: "src/services/sql/Transactions.ts",
  Observability: "src/layers/ObservabilityLayer.ts",
  Doctor: "src/services/doctor/Doctor.ts",
  Inspector: "src/services/inspect/Inspector.ts",
  testing: "src/testing/index.ts"
}

const page = join(import.meta.dirname, "src", "http", "page")

/** The files of the operations page; library and program serve them unchanged. */
const pageFiles: Plugin = {
  name: "page-files",
  generateBundle() {
    for (const file of globSync("*.{css,html,js}", { cwd: page })) {
      this.emitFile({ type: "asset", fileName: `http/page/${file}`, source: readFileSync(join(page, file)) })
    }
  }
}

/** Settings of both builds. Names are kept, so that a stack trace is readable without a source map. */
const output = {
  dir: "dist",
  minifyInternalExports: false,
  // The docstrings are in the declarations.
  comments: { legal: true, annotation: true, jsdoc: false }
} as const

/** Bundled because a process that starts then loads four files instead of a hundred and forty. */
const library: RolldownOptions = {
  input: entryPoints,
  // Packages stay imports: an application has one copy of effect.
  external: /^[^./]/,
  platform: "node",
  plugins: [pageFiles],
  output: {
    ...output,
    cleanDir: true,
    // One folder down: modules that use `import.meta.url` name files relative to the folder above theirs.
    chunkFileNames: "parts/[name].js",
    sourcemap: true,
    // What an application needs for its first row is in two files.
    codeSplitting: {
      groups: [
        { name: "settings", test: /[\\/]src[\\/]services[\\/]config[\\/]SessionConfig\.ts$/, priority: 2 },
        { name: "sessions", test: /[\\/]src[\\/]layers[\\/]SupavisorLayer\.ts$/, priority: 1 },
        { name: "testing", test: /[\\/]src[\\/]testing[\\/]index\.ts$/ }
      ]
    }
  }
}

/**
 * The program contains the parts of effect that it uses: some seventy files instead of several hundred. They are
 * CommonJS because an ES module that imports `node:http` evaluates all of its exports, fetch among them. Each of the two
 * saves more start-up time than any change to our own imports (docs/performance.md).
 */
const program: RolldownOptions = {
  input: { main: "src/main.ts" },
  platform: "node",
  // Effect reads variables from there when a browser bundler defined it.
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
    // The library is there already.
    cleanDir: false,
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "program/[name].cjs"
  }
}

// The order matters: the first build clears the folder.
export default defineConfig([library, program])
