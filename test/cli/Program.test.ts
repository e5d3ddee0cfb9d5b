import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { commandLine } from "../../src/cli/Program.ts"
import { mainFile, start } from "./RunningProgram.ts"
import { runCommand } from "./status/RunInProcess.ts"
import { scriptedProgram } from "./status/ScriptedProgram.ts"

const run = (...parameters: ReadonlyArray<string>) =>
  runCommand(commandLine(parameters).pipe(Effect.provide(NodeServices.layer)))

/** The names below SUBCOMMANDS on a page of help. */
const commandsOn = (page: string): ReadonlyArray<string> =>
  Array.from(
    (/SUBCOMMANDS\n([\s\S]*?)(?:\n\n|$)/.exec(page)?.[1] ?? "").matchAll(/^ {2}([a-z-]+)/gm),
    ([, name = ""]) => name
  )

/** Every command with its page of help, from the first page down. */
const pagesBelow = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<readonly [string, string]>> =>
  Effect.gen(function* () {
    const { exitCode, out } = yield* run(...path, "--help")
    assert.strictEqual(exitCode, 0)
    const below = yield* Effect.forEach(commandsOn(out), (name) => pagesBelow([...path, name]))
    return [[path.join(" "), out] as const, ...below.flat()]
  })

describe("the command line", () => {
  it.live("has a page of help for every command, with what it is, its usage and examples of its own", () =>
    Effect.gen(function* () {
      const pages = yield* pagesBelow([])
      const names = pages.map(([name]) => name)
      for (const name of ["", "serve", "status", "watch", "doctor", "inspect", "size"]) assert.include(names, name)
      for (const [name, page] of pages) {
        const command = `effect-supavisor${name === "" ? "" : ` ${name}`}`
        assert.match(page, /^DESCRIPTION\n {2}\S/, name)
        assert.include(page, `\n\nUSAGE\n  ${command}`)
        assert.match(page, new RegExp(`\\n\\nEXAMPLES\\n[\\s\\S]*${command}`), name)
        assert.include(page, "--env-file")
      }
    })
  )

  it.live("suggests the word or the flag that was probably meant, in one line, and ends with 2", () =>
    Effect.gen(function* () {
      for (const [parameters, expected] of [
        [["stats"], 'There is no command "stats". Did you mean status?\nHelp: effect-supavisor --help'],
        [
          ["status", "--formt", "json"],
          "There is no flag --formt. Did you mean --format?\nHelp: effect-supavisor status --help"
        ],
        [["xyzzy"], 'There is no command "xyzzy".\nHelp: effect-supavisor --help'],
        [["status", "now"], 'Unexpected positional argument: "now".\nHelp: effect-supavisor status --help'],
        [["watch", "--timeout", "soon"], /^Invalid value for flag --timeout: "soon"\..*500ms.*\nHelp: .* watch --help$/]
      ] as const) {
        const { err, exitCode, out } = yield* run(...parameters)
        assert.deepStrictEqual([exitCode, out], [2, ""])
        if (typeof expected === "string") assert.strictEqual(err, expected)
        else assert.match(err, expected)
      }
    })
  )

  it.live("does not print a misplaced secret", () =>
    Effect.gen(function* () {
      const url = "postgres://postgres:geh%40im@db.example.com:5432/postgres"
      for (const parameters of [
        [url],
        ["status", url],
        ["status", "--timeout", url],
        ["--tokn", "geh@im", "status"],
        ["status", "--tokn", "geh@im"],
        ["status", "--tokn=geh@im"]
      ]) {
        const { err, exitCode, out } = yield* run(...parameters)
        assert.strictEqual(exitCode, 2)
        assert.notMatch(out + err, /geh(@|%40)im/)
      }
    })
  )

  it.live("prints no control character of the command line", () =>
    Effect.gen(function* () {
      const { err } = yield* run("\u001B[2Jstatus\r")
      // oxlint-disable-next-line no-control-regex -- these are the characters that must be gone
      assert.notMatch(err, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
    })
  )

  it.live("reads the variables of every command from a file too", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-supavisor-program-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(directory, { recursive: true })))
      const file = Path.join(directory, "settings.env")
      Fs.writeFileSync(file, `HTTP_PORT=${new URL(base).port}\n`)
      for (const parameters of [
        ["--env-file", file, "status"],
        ["status", "--env-file", file]
      ]) {
        assert.match((yield* run(...parameters)).out, /^Degraded for/)
      }
      const missing = yield* run("status", "--env-file", `${file}.not`)
      assert.strictEqual(missing.exitCode, 2)
      assert.match(missing.err, /There is no such file/)
    })
  )

  it.live("is a program: status answers on stdout, mistakes go to stderr, and codes are what they should be", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const shell = (parameters: string) =>
        Effect.gen(function* () {
          const command = `"${process.execPath}" "${mainFile}" ${parameters} 2>/dev/null; echo "code $?"`
          const program = yield* start({ command: ["bash", "-c", command] })
          yield* program.printed(/code \d+/)
          return program.output()
        })
      const outputs = yield* Effect.all(
        [shell(`status --url ${base}`), shell("status --url http://127.0.0.1:1"), shell("stat"), shell("--version")],
        { concurrency: 2 }
      )
      assert.match(outputs[0], /^Degraded for [^\n]*\ncode 0\n$/)
      assert.strictEqual(outputs[1], "code 1\n")
      assert.strictEqual(outputs[2], "code 2\n")
      assert.match(outputs[3], /^effect-supavisor v\S+\ncode 0\n$/)
    })
  )
})

/** Prints at the end, on a line of its own, the loaded files of src. */
const telling = `
  import { registerHooks } from "node:module"
  const loaded = []
  registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
  process.on("exit", () => console.log("loaded=" + loaded.flatMap((url) => url.split("/src/")[1] ?? []).join(" ")))`

describe("start-up", () => {
  it.live("loads nothing of the pool, the settings or the catalogue of errors for help and for a status", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const hook = `data:text/javascript,${encodeURIComponent(telling)}`
      for (const [parameters, most] of [
        [["--help"], 25],
        [["status", "--url", base], 45]
      ] as const) {
        const program = yield* start({ command: [process.execPath, "--import", hook, mainFile, ...parameters] })
        const [, list = ""] = yield* program.printed(/loaded=(.*)\n/)
        const files = list.split(" ").filter((file) => file.endsWith(".ts"))
        assert.include(files, "cli/Program.ts")
        assert.isAtMost(files.length, most, files.join(" "))
        assert.notMatch(list, /SessionError|SessionConfig|error-catalogue|services\/pool\/|http\/Routes|embedded/)
      }
    })
  )
})

/** The shells that can check the syntax of a script. */
const shells = [
  ["bash", ["-n", "-c"]],
  ["zsh", ["-n", "-c"]],
  ["fish", ["-n", "-c"]]
] as const

const hasShell = (shell: string): boolean => spawnSync(shell, ["-c", "true"], { timeout: 120_000 }).status === 0

describe("completions", () => {
  it.live.each(shells)("are a script that %s reads, with every command and flag", ([shell, parameters]) =>
    Effect.gen(function* () {
      const { exitCode, out } = yield* run("--completions", shell)
      assert.strictEqual(exitCode, 0)
      for (const word of ["serve", "status", "watch", "doctor", "inspect", "blocking", "size", "env-file", "format"]) {
        assert.include(out, word)
      }
      if (!hasShell(shell)) return console.warn(`Not read by ${shell}: it is not installed`)
      const { status, stderr } = spawnSync(shell, [...parameters, out], { encoding: "utf8", timeout: 120_000 })
      assert.deepStrictEqual([status, stderr], [0, ""])
    })
  )

  it.live("complete a command, its flags and their values in bash", () =>
    Effect.gen(function* () {
      const { out: script } = yield* run("--completions", "bash")
      const completed = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
        const ask =
          `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}\n` +
          `name=$(complete -p effect-supavisor | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "$name" effect-supavisor "\${@: -1}" "\${@: -2:1}"\n` +
          `printf '%s\\n' "\${COMPREPLY[@]}"`
        const parameters = ["-c", ask, "bash", "effect-supavisor", ...words]
        return spawnSync("bash", parameters, { encoding: "utf8", timeout: 120_000 }).stdout.trim().split(/\s+/)
      }
      assert.deepStrictEqual(completed("sta"), ["status"])
      assert.include(completed("status", "--fo"), "--format")
      assert.sameMembers([...completed("status", "--format", "")], ["line", "table", "json"])
      assert.include(completed("inspect", "bl"), "blocking")
    })
  )
})
