/** Listens to everything that is printed, logged, told and failed with, for a secret that must not sing in it. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { inspect } from "node:util"
import type { Findings } from "./Findings.ts"

/** As deep as anything of an error is worth looking for. */
const DEPTH = 12

/** A part of a secret that is told by no accident. */
const PLAIN_PART = /[A-Za-z0-9]{8,}/g

/** Failures of one kind that are looked through in full: the others only differ in their numbers. */
const LOOKED_THROUGH = 20

export class Canary {
  private readonly forms: ReadonlyArray<string>
  private readonly findings: Findings
  private readonly seen = new Map<string, number>()
  /** Texts that were looked at. */
  heard = 0

  constructor(secrets: ReadonlyArray<string>, findings: Findings) {
    this.findings = findings
    // Letters and digits look the same in every encoding, and a part of a secret is no better than all of it.
    this.forms = secrets.flatMap((secret) => secret.match(PLAIN_PART) ?? [secret])
  }

  /** Looks at a text. */
  hear(where: string, text: string): void {
    this.heard++
    const isHeard = this.forms.some((form) => text.includes(form))
    this.findings.must(!isHeard, () => `a secret was told by ${where}`)
  }

  /** Looks through a value with all it holds, as a log line or a debugger would show it. */
  hearValue(where: string, value: unknown): void {
    this.hear(where, inspect(value, { depth: DEPTH, showHidden: true, maxStringLength: null }))
  }

  /** Looks at a failure: at its message always, through all of it the first times. */
  readonly hearFailure = (error: unknown): void => {
    const kind = error instanceof Error ? `${error.name} ${error.message.slice(0, DEPTH)}` : String(error)
    const times = (this.seen.get(kind) ?? 0) + 1
    this.seen.set(kind, times)
    this.hear("the message of a failure", String(error))
    if (times > LOOKED_THROUGH) return
    this.hearValue("a failure", error)
    this.hear("a failure as JSON", JSON.stringify(error) ?? "")
  }

  /** The only logger there is: it prints nothing. */
  get logger() {
    return Logger.layer([
      Logger.make((options) => {
        this.hearValue("a log line", [options.message, options.cause])
      })
    ])
  }

  /** Listens to what this process writes, for as long as the scope is open. */
  get listening(): Effect.Effect<void, never, Scope.Scope> {
    const streams = [process.stdout, process.stderr]
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() =>
          streams.map((stream) => {
            const write = stream.write
            stream.write = ((chunk: string | Uint8Array, ...rest: Array<never>) => {
              this.hear("the console", String(chunk))
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
