import * as Schema from "effect/Schema"

/**
 * The embedded PostgreSQL server failed: the step that failed, and the remedy.
 *
 * Steps: `binaries` (none found for this platform, or not executable), `prepare` (the temporary directory), `options`
 * (an invalid value), `initdb`, `start` (it ended, or did not answer in time), `createDatabase`.
 */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  step: Schema.Literals(["binaries", "prepare", "options", "initdb", "start", "createDatabase"]),
  detail: Schema.String,
  remedy: Schema.String
}) {
  override get message(): string {
    return `Embedded PostgreSQL (${this.step}): ${this.detail} ${this.remedy}`
  }
}
