/**
 * Which module may import which: `npm run check:modules`. Imports of types count like any other.
 *
 * A module may import those of lower levels, not its neighbours on the same level.
 */
const levels = [
  ["services/errors"],
  ["services/config"],
  ["services/wire"],
  ["services/stats"],
  ["services/session"],
  ["services/pool", "services/doctor", "services/inspect"],
  ["services/observability", "services/sql", "services/embedded"],
  ["http", "testing"],
  ["layers"],
  ["cli"],
  ["main.ts"]
]

/** Calculations without services or I/O, and the files beside them that they may use. */
const pure = [
  "services/config/(connection-string|settings)/",
  "services/config/(ConnectionString|LittlesLaw|PoolSizing)[.]ts$",
  "services/errors/catalogue/",
  "services/errors/(SessionError|Units|Wording)[.]ts$",
  "services/pool/core/",
  "services/stats/Histogram[.]ts$"
]

const inside = (module) => `^src/${module.replace(".", "[.]")}${module.endsWith(".ts") ? "$" : "/"}`

const moduleRules = levels.flatMap((level, height) =>
  level.map((module) => ({
    name: module.replace("services/", ""),
    comment: `${module} imports modules of lower levels only.`,
    severity: "error",
    from: { path: inside(module) },
    to: { path: "^src/", pathNot: [module, ...levels.slice(0, height).flat()].map(inside) }
  }))
)

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...moduleRules,
    {
      name: "index",
      comment: "The package's main entry point re-exports; it does not start anything.",
      severity: "error",
      from: { path: inside("index.ts") },
      to: { path: [inside("cli"), inside("main.ts"), inside("testing")] }
    },
    {
      name: "for-tests",
      comment: "Only tests import the testing module.",
      severity: "error",
      from: { path: "^src/", pathNot: inside("testing") },
      to: { path: inside("testing") }
    },
    {
      name: "known-module",
      comment: "Every source file belongs to a module that has a level in .dependency-cruiser.mjs.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^src/", pathNot: ["index.ts", ...levels.flat()].map(inside) }
    },
    {
      name: "no-circular",
      comment: "Files do not import each other in a circle, not even for their types.",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true }
    },
    {
      name: "pure",
      comment: "Pure files import pure files only: no service, no I/O.",
      severity: "error",
      from: { path: pure.map((path) => `^src/${path}`) },
      to: { path: "^src/", pathNot: pure.map((path) => `^src/${path}`) }
    },
    {
      name: "resolvable",
      comment: "An import that is not found is not checked.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^[.]", couldNotResolve: true }
    }
  ],
  options: {
    // Otherwise imports of types are not seen.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    includeOnly: ["^src/", "^[.]"],
    doNotFollow: { path: "node_modules" },
    // The server adds this file to the page's folder from the package of the chart library.
    exclude: { path: "uplot[.]js$" }
  }
}
