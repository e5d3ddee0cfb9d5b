/** Searches everything that is printed, logged, published and failed with for secrets. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { inspect } from "node:util"
import type { Violations } from "./Violations.ts"

/** How deep errors are searched. */
const DEPTH = 12

/** A part of a secret that is too long to appear by accident. */
const PLAIN_PART = /[A-Za-z0-9]{8,}/g

/** Failures of one kind that are searched completely; the others differ in numbers only. */
const MAX_FULL_SCANS = 20

export class SecretScanner {
  private readonly forms: ReadonlyArray<string>
  private readonly violations: Violations
  private readonly seen = new Map<string, number>()
  /** Texts searched. */
  scanned = 0

  constructor(secrets: ReadonlyArray<string>, violations: Violations) {
    this.violations = violations
    // Letters and digits are the same in every encoding.
    this.forms = secrets.flatMap((secret) => secret.match(PLAIN_PART) ?? [secret])
  }

  scan(where: string, text: string): void {
    this.scanned++
    const isFound = this.forms.some((form) => text.includes(form))
    this.violations.must(!isFound, () => `a secret is in ${where}`)
  }

  /** Searches a value as a log line or a debugger would show it. */
  scanValue(where: string, value: unknown): void {
    this.scan(where, inspect(value, { depth: DEPTH, showHidden: true, maxStringLength: null }))
  }

  /** Searches the message of every failure, and the first ones of a kind completely. */
  readonly scanFailure = (error: unknown): void => {
    const kind = error instanceof Error ? `${error.name} ${error.message.slice(0, DEPTH)}` : String(error)
    const times = (this.seen.get(kind) ?? 0) + 1
    this.seen.set(kind, times)
    this.scan("the message of a failure", String(error))
    if (times > MAX_FULL_SCANS) return
    this.scanValue("a failure", error)
    this.scan("a failure as JSON", JSON.stringify(error) ?? "")
  }

  /** A logger that prints nothing. */
  get logger() {
    return Logger.layer([
      Logger.make((options) => {
        this.scanValue("a log line", [options.message, options.cause])
      })
    ])
  }

  /** Searches the output of this process while the scope is open. */
  get console(): Effect.Effect<void, never, Scope.Scope> {
    const streams = [process.stdout, process.stderr]
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() =>
          streams.map((stream) => {
            const write = stream.write
            stream.write = ((chunk: string | Uint8Array, ...rest: Array<never>) => {
              this.scan("the console", String(chunk))
              return write.call(stream, chunk, ...rest)
            }) as typeof stream.write
            return () => {
              stream.write = write
            }
          })
        ),
        (restore) => Effect.sync(() => restore.forEach((undo) => undo()))
      )
    )
  }
}
