import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Doctor, type DoctorOptions } from "../../../../src/services/doctor/Doctor.ts"
import { type DnsAnswer, type HostAddresses, NetworkCheck } from "../../../../src/services/doctor/NetworkCheck.ts"
import { SessionConfig } from "../../../../src/services/config/SessionConfig.ts"

const HOST = "db.example.test"

const errno = (code: string) => Object.assign(new Error(code), { code })

const answer = (addresses: ReadonlyArray<string>, code?: string): DnsAnswer => ({
  addresses,
  failure: code === undefined ? undefined : errno(code),
  millis: 1
})

const family = (address: string) => (address.includes(":") ? 6 : 4)

/** A network with given names, routes and reachable addresses. */
const network = (names: Partial<HostAddresses>, dead: Readonly<Record<string, string>>) => {
  const addresses = (names.lookup ?? answer([])).addresses.map((address) => ({ address, family: family(address) }))
  const reach = (address: string) => {
    const code = dead[address]
    return code === undefined ? Effect.succeed(1) : Effect.fail(errno(code))
  }
  return Layer.succeed(NetworkCheck, {
    addresses: () =>
      Effect.succeed({
        isLiteral: false,
        servers: ["192.0.2.53"],
        records: undefined,
        lookup: answer([]),
        addresses,
        ...names
      }),
    route: (address) =>
      dead[`route ${family(address)}`] === undefined ? Effect.succeed("192.0.2.1") : Effect.fail(errno("ENETUNREACH")),
    tcp: reach,
    tls: () => Effect.die("unexpected TLS handshake"),
    service: () => Effect.die("unexpected probe")
  })
}

const results = (fake: Layer.Layer<NetworkCheck>, only: NonNullable<DoctorOptions["only"]>) =>
  Effect.flatMap(Doctor, (doctor) => doctor.run({ only })).pipe(
    Effect.provide(
      Doctor.layerNoDeps.pipe(
        Layer.provide(fake),
        Layer.provide(SessionConfig.layer({ host: HOST, username: "u", password: "s3cr3t" }))
      )
    ),
    Effect.map(({ results }) => results)
  )

describe("a host with several addresses", () => {
  it.effect("passes with a warning when one of them does not answer", () =>
    Effect.gen(function* () {
      const fake = network({ lookup: answer(["192.0.2.1", "192.0.2.2"]) }, { "192.0.2.1": "ECONNREFUSED" })
      const tcp = (yield* results(fake, ["tcp"])).filter(({ id }) => id === "tcp")
      assert.deepStrictEqual(
        tcp.map(({ status, target }) => [target, status]),
        [
          ["192.0.2.1:5432", "warn"],
          ["192.0.2.2:5432", "pass"]
        ]
      )
      assert.include(tcp[0]?.details, "another address of the host works")
    })
  )

  it.effect("uses the family that has a route", () =>
    Effect.gen(function* () {
      const fake = network({ lookup: answer(["192.0.2.1", "2001:db8::1"]) }, { "route 6": "none" })
      const found = yield* results(fake, ["tcp"])
      const route = found.filter(({ id }) => id === "route").map(({ component, status }) => [component, status])
      assert.deepStrictEqual(route, [
        ["Route IPv4", "pass"],
        ["Route IPv6", "info"]
      ])
      assert.deepStrictEqual(
        found.filter(({ id }) => id === "tcp").map(({ target }) => target),
        ["192.0.2.1:5432"]
      )
    })
  )
})

describe("a host that the name servers and the system resolve differently", () => {
  it.effect("warns when only the name servers resolve the host, because sessions use the system's resolver", () =>
    Effect.gen(function* () {
      const records = { 4: answer(["192.0.2.1"]), 6: answer([], "ENODATA") }
      const addresses = [{ address: "192.0.2.1", family: 4 }]
      const fake = network({ records, addresses, lookup: answer([], "ENOTFOUND") }, {})
      const dns = (yield* results(fake, ["dns"])).filter(({ id }) => id === "dns")
      assert.deepStrictEqual(
        dns.map(({ component, status }) => [component, status]),
        [
          ["DNS A", "pass"],
          ["DNS AAAA", "info"],
          ["DNS system", "warn"]
        ]
      )
    })
  )

  it.effect("uses the hosts file when the name server has no record of the host", () =>
    Effect.gen(function* () {
      const records = { 4: answer([], "ENOTFOUND"), 6: answer([], "ENOTFOUND") }
      const fake = network({ records, lookup: answer(["192.0.2.1"]) }, {})
      const dns = (yield* results(fake, ["dns"])).find(({ component }) => component === "DNS A")
      assert.strictEqual(dns?.status, "pass")
      assert.include(dns?.details, "hosts file or cache")
    })
  )

  it.effect("warns when the name server fails and the system still resolves the host", () =>
    Effect.gen(function* () {
      const records = { 4: answer([], "ECONNREFUSED"), 6: answer([], "ECONNREFUSED") }
      const fake = network({ records, lookup: answer(["192.0.2.1"]) }, {})
      const dns = (yield* results(fake, ["dns"])).find(({ component }) => component === "DNS A")
      assert.strictEqual(dns?.status, "warn")
      assert.include(dns?.details, "refuses queries")
    })
  )
})
