#!/usr/bin/env node
/**
 * The program: looks whether this Node will do, hears signals, then loads and runs the command line.
 *
 * Loading takes a good part of a second; a signal in that time must end the program cleanly, not kill it.
 */
import { useCompileCache } from "./cli/CompileCache.ts"
import { refusalOf } from "./cli/NodeVersion.ts"
import { listenForSignals } from "./cli/Signals.ts"

const refusal = refusalOf(process.versions.node)
if (refusal === undefined) {
  const signals = listenForSignals()
  useCompileCache(process.env)
  // Not awaited here: the package has it as CommonJS, which cannot.
  void import("./cli/Program.ts").then(({ run }) => run(signals))
} else {
  process.stderr.write(`${refusal}\n`)
  process.exitCode = 1
}
