import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { type CheckId, checkIds, checks } from "../src/services/doctor/checks/Checks.ts"
import { symptoms } from "./doctor-symptoms.ts"

const golden = (name: string): string =>
  readFileSync(new URL(`../test/cli/doctor/golden/${name}.txt`, import.meta.url), "utf8").trimEnd()

const tests = new URL("../test/cli/doctor/", import.meta.url)

const TITLE = /it\.(?:effect|live)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g

/** The test that holds an output: the title before it, or after it where a loop makes the tests. */
export const proofOf = (output: string): { readonly file: string; readonly title: string } | undefined => {
  for (const file of readdirSync(tests).filter((name) => name.endsWith(".test.ts"))) {
    const text = readFileSync(new URL(file, tests), "utf8")
    const at = text.indexOf(`"${output}"`)
    if (at < 0 || file === "Documentation.test.ts") continue
    const titles = Array.from(text.matchAll(TITLE), (match) => ({ at: match.index, title: match[2] ?? "" }))
    const isHeld = text.slice(0, at).trimEnd().endsWith("assertGolden(")
    const found = isHeld ? titles.findLast((title) => title.at < at) : titles.find((title) => title.at > at)
    if (found !== undefined) return { file, title: found.title.replaceAll(/\$\{\w+\}/g, "...") }
  }
  return undefined
}

const cell = (text: string): string => text.replaceAll("|", "\\|")

const checkRow = (id: CheckId): string => {
  const { does, needs, statuses } = checks[id]
  const meanings = Object.entries(statuses).map(([status, meaning]) => `**${status}** ${meaning}`)
  return `| \`${id}\` | ${cell(does)} | ${needs.map((need) => `\`${need}\``).join(", ")} | ${cell(meanings.join("<br>"))} |`
}

const symptomRows = (id: CheckId): ReadonlyArray<string> =>
  Object.entries(symptoms[id] ?? {}).map(([output, symptom]) => {
    const proof = proofOf(output)
    const test = proof === undefined ? "none" : `\`${proof.file}\`: ${cell(proof.title)}`
    return `| \`${id}\` | ${cell(symptom)} | [output](../test/cli/doctor/golden/${output}.txt) | ${test} |`
  })

/** The page `docs/doctor.md`, made of the checks, the golden outputs and the symptoms. */
export const renderDoctor = (): string =>
  [
    "# The doctor",
    "",
    "Made from the code by `node docs/generate-doctor.ts`; change the checks, not this page.",
    "",
    "`effect-supavisor doctor` says why a connection does not work, or what about it will hurt, and what to do. It looks " +
      "at one thing after the other, from the settings to the last round trip; what depends on a failure is skipped. " +
      "Times and numbers that change from run to run are shown as `N`, ports as `PORT`.",
    "",
    "```",
    "$ effect-supavisor doctor",
    golden("healthy-session"),
    "```",
    "",
    "And one that fails:",
    "",
    "```",
    "$ effect-supavisor doctor",
    golden("unknown-tenant"),
    "```",
    "",
    "## How it is called",
    "",
    "The connection string is the optional argument, else the settings say it (`SUPABASE_SESSION_POOLER` and the others " +
      "of the README). Other users of a machine may see a command line: prefer the settings.",
    "",
    "| flag | meaning |",
    "| --- | --- |",
    "| `--only dns,tcp` | these checks, and those they depend on |",
    "| `--list-checks` | what each check does; with `--json` for a program |",
    "| `--timeout 10s` | what each check may take; the session proof, the cancel and the capacity may take twice that |",
    "| `--probe-capacity` | takes sessions until the pooler refuses one, 100 at most, and closes them: tells its pool size |",
    "| `--strict` | warnings end with 1 too |",
    "| `--json` | one JSON document |",
    "| `--json-lines`, `--every 30s` | one report per line, again and again until interrupted |",
    "| `--name-server 1.1.1.1` | asks this name server instead of the system's |",
    "",
    "It ends with 0 when all is well or there are only warnings, with 1 for a failure, and with 2 when the settings cannot " +
      "be used and nothing was attempted. Colour is for terminals without `NO_COLOR`; progress is shown on a terminal's " +
      "error stream.",
    "",
    "The password is never shown, nor more of a project reference than its last four characters. A refused login is not " +
      "repeated, because the pooler counts failed logins. Nothing is left behind on the server.",
    "",
    "## The checks",
    "",
    "Every check can also end with **skip**: something it depends on failed, or it does not apply to the mode.",
    "",
    "| id | what it does | after | what its statuses mean |",
    "| --- | --- | --- | --- |",
    ...checkIds.map(checkRow),
    "",
    "## For programs",
    "",
    "`--json` prints a report of version 1; fields are only ever added within a version. `Report` of " +
      "`effect-supavisor/Doctor` is its schema.",
    "",
    "| field | meaning |",
    "| --- | --- |",
    "| `version` | 1 |",
    "| `startedAt`, `ms` | ISO 8601 in UTC, and how long it took |",
    "| `verdict.status` | `healthy`, `warnings`, `failed`, or `invalid` when nothing was attempted |",
    "| `verdict.text`, `verdict.failures`, `verdict.warnings` | the last line, and how many results are behind it |",
    "| `results[]` | `id`, `component`, `target`, `status`, `ms` (or null), `details`, `action` (or null) |",
    "| `action` | `text`, and `commands[]` that can be run as they are |",
    "",
    "A program can examine its own connection:",
    "",
    "```ts",
    'import * as Effect from "effect/Effect"',
    'import * as Layer from "effect/Layer"',
    'import { Doctor } from "effect-supavisor/Doctor"',
    'import { SessionConfig } from "effect-supavisor/SessionConfig"',
    "",
    'const report = Effect.flatMap(Doctor, (doctor) => doctor.run({ only: ["login"] })).pipe(',
    "  Effect.provide(Doctor.layer.pipe(Layer.provide(SessionConfig.layerEnv)))",
    ")",
    "```",
    "",
    "## Symptoms",
    "",
    "What a client can see of each known trouble, the check that explains it, its output, and the test in " +
      "`test/cli/doctor` that provokes it.",
    "",
    "| check | symptom | output | test |",
    "| --- | --- | --- | --- |",
    ...checkIds.flatMap(symptomRows),
    ""
  ].join("\n")

if (import.meta.main) writeFileSync(new URL("doctor.md", import.meta.url), renderDoctor())
