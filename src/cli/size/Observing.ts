import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { LoadObserver } from "../../services/inspect/LoadObserver.ts"
import { settingsFrom } from "../flags/DatabaseSettings.ts"

/** Observes the database that the flag or the environment names. */
export const observeWith = (window: Duration.Duration, url: Option.Option<Redacted.Redacted<string>>) =>
  Effect.flatMap(LoadObserver, (observer) => observer.observe(window)).pipe(
    Effect.provide(LoadObserver.layer.pipe(Layer.provide(settingsFrom(url))))
  )
