import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import { inspect } from "node:util"
import { fromRecord } from "../../../../src/services/config/SessionConfig.ts"
import { type Env, includesSome, loopbackUrl, messageOf, problemNames, read, sessionUrl } from "./Fixture.ts"

describe("the rules between settings", () => {
  it("refuse a minimum above the maximum, once, and only when both could be read", () => {
    assert.deepStrictEqual(problemNames({ DB_POOL_MIN: "6", DB_POOL_MAX: "3" }), ["DB_POOL_MAX"])
    assert.include(messageOf({ DB_POOL_MIN: "6", DB_POOL_MAX: "3" }), "DB_POOL_MIN (6)")
    assert.deepStrictEqual(problemNames({ DB_POOL_MIN: "6", DB_POOL_MAX: "three" }), ["DB_POOL_MAX"])
  })

  it("let sslrootcert=system imply verify-full and refuse every weaker mode, wherever both are set", () => {
    for (const url of [sessionUrl, loopbackUrl]) {
      assert.strictEqual(read({ DATABASE_URL: `${url}?sslrootcert=system` }).ssl.mode, "verify-full")
      assert.strictEqual(read({ DATABASE_URL: url, DB_SSL_ROOT_CERT: "system" }).ssl.mode, "verify-full")
      for (const mode of ["disable", "allow", "prefer", "require", "verify-ca"]) {
        for (const env of [
          { DATABASE_URL: `${url}?sslrootcert=system&sslmode=${mode}` },
          { DATABASE_URL: `${url}?sslmode=${mode}`, DB_SSL_ROOT_CERT: "system" },
          { DATABASE_URL: `${url}?sslrootcert=system`, DB_SSL_MODE: mode }
        ])
          assert.deepStrictEqual(problemNames(env), ["DB_SSL_MODE"], JSON.stringify(env))
      }
      assert.strictEqual(read({ DATABASE_URL: `${url}?sslrootcert=system&sslmode=verify-full` }).ssl.rootCert, "system")
    }
  })

  it("never yield a minimum above the maximum", () => {
    const size = fc.option(fc.integer({ min: 0, max: 40 }).map(String), { nil: undefined })
    fc.assert(
      fc.property(size, size, size, (min, max, operations) => {
        const result = fromRecord({ DB_POOL_MIN: min, DB_POOL_MAX: max, DB_CONCURRENT_OPERATIONS: operations })
        if (Result.isFailure(result)) return
        assert.isAtMost(result.success.pool.min, result.success.pool.max)
        assert.isAtLeast(result.success.pool.max, 1)
      })
    )
  })

  it("warn about combinations that will probably cause trouble", () => {
    const hurting: ReadonlyArray<readonly [Env, string]> = [
      [{ DB_POOL_IDLE_TIMEOUT: "30m" }, "DB_POOL_IDLE_TIMEOUT (30m) is not under DB_CONNECTION_MAX_LIFETIME (30m)"],
      [{ DB_HEALTH_CHECK_INTERVAL: "5m" }, "DB_HEALTH_CHECK_INTERVAL (5m) is not under DB_POOL_IDLE_TIMEOUT (5m)"],
      [{ DB_POOL_ACQUIRE_TIMEOUT: "9s" }, "DB_CONNECT_TIMEOUT (10s) is above DB_POOL_ACQUIRE_TIMEOUT (9s)"],
      [{ DB_LEAK_THRESHOLD: "29s" }, "DB_LEAK_THRESHOLD (29s) is under DB_STATEMENT_TIMEOUT (30s)"],
      [{ DB_KEEP_ALIVE: "351s" }, "DB_KEEP_ALIVE (351s) is above 350s"],
      [{ DB_KEEP_ALIVE: "0", DB_HEALTH_CHECK_INTERVAL: "400s", DB_POOL_IDLE_TIMEOUT: "10m" }, "DB_KEEP_ALIVE is off"],
      [{ DB_SHUTDOWN_TIMEOUT: "30s" }, "DB_SHUTDOWN_TIMEOUT (30s) is not under 30s"],
      [{ DB_CONNECTION_MAX_LIFETIME: "59s", DB_POOL_IDLE_TIMEOUT: "40s" }, "DB_CONNECTION_MAX_LIFETIME (59s)"],
      [{ DB_STATEMENT_TIMEOUT: "99ms" }, "DB_STATEMENT_TIMEOUT (99ms)"],
      [{ DB_POOL_MAX: "16" }, "DB_POOL_MAX (16) is above 15"],
      [{ HTTP_HOST: "0.0.0.0" }, "HTTP_HOST (0.0.0.0)"],
      [{ DB_SSL_MODE: "disable" }, "plaintext"],
      [{ DB_SSL_MODE: "prefer" }, "force plaintext"],
      [{ DB_SSL_MODE: "verify-full" }, "without a certificate in DB_SSL_ROOT_CERT"],
      [{ DB_SSL_ROOT_CERT: "system" }, "without a certificate in DB_SSL_ROOT_CERT"]
    ]
    for (const [env, warning] of hurting) {
      const { warnings } = read({ SUPABASE_SESSION_POOLER: sessionUrl, ...env })
      assert.strictEqual(warnings.length, 1, `${warning}: ${inspect(warnings)}`)
      includesSome(warnings, warning)
    }
  })

  it("are silent just inside the bounds", () => {
    const env = {
      DB_POOL_IDLE_TIMEOUT: "29m",
      DB_HEALTH_CHECK_INTERVAL: "4m",
      DB_POOL_ACQUIRE_TIMEOUT: "10s",
      DB_LEAK_THRESHOLD: "30s",
      DB_KEEP_ALIVE: "350s",
      DB_SHUTDOWN_TIMEOUT: "29s",
      DB_STATEMENT_TIMEOUT: "100ms",
      DB_POOL_MAX: "15",
      DB_SSL_MODE: "verify-full",
      DB_SSL_ROOT_CERT: "/ca.crt"
    }
    assert.deepStrictEqual(read({ SUPABASE_SESSION_POOLER: sessionUrl, ...env }).warnings, [])
  })

  it("warn about a large pool for session poolers only", () => {
    assert.deepStrictEqual(read({ DATABASE_URL: loopbackUrl, DB_POOL_MAX: "40" }).warnings, [])
  })
})
