import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import { reportOf } from "../../src/cli/FailureReport.ts"
import { SessionError } from "../../src/services/errors/SessionError.ts"

describe("FailureReport", () => {
  it("gives the problems of a configuration as they are, with exit code 2", () => {
    const error = SessionError.configurationInvalid([{ name: "DB_POOL_MAX", received: "x", expected: "a number" }])
    assert.deepStrictEqual(reportOf(Cause.fail(error)), { text: error.message, exitCode: 2 })
  })

  it("gives message and remedy of every other session error, without a stack, with exit code 1", () => {
    const error = SessionError.connectFailed({
      host: "db.example.com",
      port: 5432,
      phase: "tcp",
      elapsedMillis: 12,
      failure: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" })
    })
    const { exitCode, text = "" } = reportOf(Cause.fail(error))
    assert.strictEqual(exitCode, 1)
    assert.include(text, error.message)
    assert.include(text, error.remedy)
    assert.notMatch(text, /\n\s+at /)
  })

  it("repeats nothing that the command line has shown already, and ends with 2 for wrong usage", () => {
    const mistake = new CliError.UnrecognizedOption({ option: "--nope", suggestions: [] })
    const shown = new CliError.ShowHelp({ commandPath: [], errors: [mistake] })
    assert.deepStrictEqual(reportOf(Cause.fail(shown)), { text: undefined, exitCode: 2 })
  })

  it("prints nothing for a command that has printed its failure, and uses its exit code", () => {
    const printed = { [Runtime.errorReported]: false, [Runtime.errorExitCode]: 75 }
    assert.deepStrictEqual(reportOf(Cause.fail(printed)), { text: undefined, exitCode: 75 })
  })

  it("reports a defect as a bug, and removes the password of a URL in it", () => {
    const { exitCode, text = "" } = reportOf(Cause.die(new Error("cannot read postgres://u:geheim%40nis@h/db")))
    assert.strictEqual(exitCode, 1)
    assert.match(text, /^This is a bug: .*cannot read/)
    assert.notInclude(text, "geheim")
  })
})
