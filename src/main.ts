#!/usr/bin/env node
/**
 * The program: hears signals first, then loads and runs the command line.
 *
 * Loading takes a good part of a second; a signal in that time must end the program cleanly, not kill it.
 */
import { useCompileCache } from "./cli/CompileCache.ts"
import { listenForSignals } from "./cli/Signals.ts"

const signals = listenForSignals()
useCompileCache(process.env)
const { run } = await import("./cli/Program.ts")
run(signals)
