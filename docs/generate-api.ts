/**
 * Writes the types of every entry point to `docs/api/effect-supavisor.api.md`, from the declarations in `dist/types`.
 *
 * With `--check` it writes nothing and fails when the report differs: a signature changed.
 */
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { entryPoints } from "../rolldown.config.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = join(root, "docs", "api")
const scratch = join(root, "node_modules", ".cache", "effect-supavisor-api")

/** All entry points as namespaces of one module, so that what they share is reported once. */
const declaration = join(root, "dist", "types", "EntryPoints.d.ts")

const silent = { default: { logLevel: ExtractorLogLevel.None } }

const config = () =>
  ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      newlineKind: "lf",
      mainEntryPointFilePath: declaration,
      compiler: {
        overrideTsconfig: {
          extends: "./tsconfig.json",
          compilerOptions: { plugins: [] },
          files: [declaration],
          include: []
        }
      },
      apiReport: {
        enabled: true,
        // The members of a service are on a base class that is not exported.
        includeForgottenExports: true,
        reportFileName: "effect-supavisor.api.md",
        reportFolder: folder,
        reportTempFolder: scratch
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { compilerMessageReporting: silent, extractorMessageReporting: silent, tsdocMessageReporting: silent }
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, "package.json")
  })

const isCheck = process.argv.includes("--check")
mkdirSync(folder, { recursive: true })
writeFileSync(
  declaration,
  Object.entries(entryPoints)
    .map(([name, source]) => `export * as ${name} from "${source.replace(/^src/, ".")}"\n`)
    .join("")
)
try {
  const { apiReportChanged } = Extractor.invoke(config(), {
    localBuild: !isCheck,
    messageCallback: (message) => {
      message.handled = true
      if (message.logLevel === ExtractorLogLevel.Error) console.error(message.text)
    }
  })
  if (isCheck && apiReportChanged) {
    console.error(
      "The types of the package changed. Compare docs/api/effect-supavisor.api.md with the file of the same name in " +
        `${scratch}; if the change is intended, run npm run fix:api and commit the report.`
    )
    process.exitCode = 1
  }
} finally {
  rmSync(declaration, { force: true })
}
