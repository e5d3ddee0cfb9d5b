import { assert } from "@effect/vitest"
import * as Result from "effect/Result"
import { inspect } from "node:util"
import {
  fromInput,
  fromRecord,
  type Settings,
  type SettingsInput
} from "../../../../src/services/config/SessionConfig.ts"
import type { SessionError } from "../../../../src/services/errors/SessionError.ts"

/** Connection strings, readers and assertions that the tests of the settings share. */
export const ref = "abcdefghijklmnopqrst"
export const sessionUrl = `postgres://postgres.${ref}:pw-12345@aws-0-eu-central-1.pooler.supabase.com:5432/postgres`
export const transactionUrl = sessionUrl.replace(":5432", ":6543")
export const directUrl = `postgresql://postgres:pw-12345@db.${ref}.supabase.co:5432/postgres`
export const loopbackUrl = "postgres://app:pw-12345@127.0.0.1:5433/shop"

export type Env = Readonly<Record<string, string | undefined>>

export const read = (env: Env): Settings => Result.getOrThrow(fromRecord(env))
export const given = (input: SettingsInput): Settings => Result.getOrThrow(fromInput(input))

export const refused = (result: Result.Result<Settings, SessionError>): SessionError =>
  Result.getOrThrow(Result.flip(result))
export const messageOf = (env: Env): string => refused(fromRecord(env)).message

export const problemsOf = (result: Result.Result<Settings, SessionError>) => {
  const { reason } = refused(result)
  return reason._tag === "ConfigurationInvalid" ? reason.problems : assert.fail(`unexpected reason ${reason._tag}`)
}
export const problemNames = (env: Env): ReadonlyArray<string> => problemsOf(fromRecord(env)).map(({ name }) => name)

export const includesSome = (texts: ReadonlyArray<string>, part: string): void =>
  assert.isTrue(
    texts.some((text) => text.includes(part)),
    `no text includes ${JSON.stringify(part)} in ${inspect(texts)}`
  )

/** Every printed form of a value. */
export const shown = (value: unknown): string =>
  [
    JSON.stringify(value),
    inspect(value, { depth: Infinity, showHidden: true }),
    String(value),
    value instanceof Error ? `${value.message}${value.stack}` : ""
  ].join("\n")
