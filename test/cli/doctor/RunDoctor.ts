/** Runs the doctor with a connection string and variables, as the command does. */
import { assert } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { runWith } from "../../../src/cli/doctor/RunDoctor.ts"
import type { DoctorOptions, DoctorReport } from "../../../src/services/doctor/Doctor.ts"
import { NameResolver, type NameResolverShape } from "../../../src/services/doctor/NetworkCheck.ts"

export interface DoctorInput extends DoctorOptions {
  readonly url?: Redacted.Redacted<string> | string | undefined
  readonly env?: Readonly<Record<string, string>>
  readonly resolver?: NameResolverShape
}

/** The password of a connection string, raw and encoded. */
const secretsIn = (url: string): ReadonlyArray<string> => {
  const encoded = /^[^:]+:\/\/[^:@]*:([^@]*)@/.exec(url)?.[1] ?? ""
  return encoded.length < 4 || /postgres|password/i.test(encoded) ? [] : [encoded, decodeURIComponent(encoded)]
}

/** Runs the checks and asserts that the report does not contain the password. */
export const runDoctor = ({ env = {}, resolver, url, ...options }: DoctorInput): Effect.Effect<DoctorReport> => {
  const given = url === undefined ? undefined : Redacted.isRedacted(url) ? url : Redacted.make(url)
  return runWith({ url: Option.fromUndefinedOr(given), nameServer: Option.none() })(options).pipe(
    Effect.provide(
      Layer.merge(
        ConfigProvider.layer(ConfigProvider.fromUnknown(env)),
        resolver === undefined ? Layer.empty : Layer.succeed(NameResolver, resolver)
      )
    ),
    Effect.tap((report) =>
      Effect.sync(() => {
        const text = JSON.stringify(report)
        for (const secret of given === undefined ? [] : secretsIn(Redacted.value(given))) {
          assert.notInclude(text, secret)
        }
      })
    )
  )
}
