#!/usr/bin/env node
/**
 * The program: checks the version of Node, listens for signals, then loads and runs the command line.
 *
 * Loading takes some tenths of a second; a signal in that time ends the program cleanly.
 */
import { useCompileCache } from "./cli/CompileCache.ts"
import { versionProblem } from "./cli/NodeVersion.ts"
import { listenForSignals } from "./cli/Signals.ts"

const problem = versionProblem(process.versions.node)
if (problem === undefined) {
  const signals = listenForSignals()
  useCompileCache(process.env)
  // Not awaited: the package has this module as CommonJS.
  void import("./cli/Program.ts").then(({ run }) => run(signals))
} else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 1
}
