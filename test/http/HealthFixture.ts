/** The health of a pool that is up, with changes. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Health, startingHealth } from "../../src/services/observability/health/Health.ts"
import { HealthCheck } from "../../src/services/observability/HealthCheck.ts"

export const healthFixture = (changes: Partial<Health> = {}): Health => ({
  ...startingHealth(0),
  state: { _tag: "Up" },
  started: true,
  checkedAt: 0,
  latencyMillis: 3,
  ...changes
})

export const refused = {
  code: "ECONNREFUSED",
  message: "the connection was refused",
  remedy: "Start the server."
}

/** A health check with this health. */
export const healthOf = (changes: Partial<Health> = {}): Layer.Layer<HealthCheck> =>
  Layer.mock(HealthCheck, { current: Effect.succeed(healthFixture(changes)) })
