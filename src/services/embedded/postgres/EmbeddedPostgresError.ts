/** Why an embedded PostgreSQL server could not be had, and what to do about it. */
import * as Schema from "effect/Schema"

/**
 * The embedded PostgreSQL server failed, with the step that failed and what the person does next.
 *
 * Steps: `binaries` (none found for this platform, or not executable), `prepare` (the temporary directory), `options`
 * (a value that cannot work), `initdb`, `start` (it ended or did not answer before its deadline), `createDatabase`.
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
