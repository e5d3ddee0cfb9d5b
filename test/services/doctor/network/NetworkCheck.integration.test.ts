import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  NameResolver,
  type NameResolverShape,
  NetworkCheck,
  resolverAt
} from "../../../../src/services/doctor/NetworkCheck.ts"
import { authenticationOk, cannedServer } from "../checks/CannedServer.ts"
import { type Answer, nameServer } from "./NameServer.ts"
import { stopped, timed } from "../../../Timing.ts"

const HOST = "db.example.test"

const LIMIT_MILLIS = 2000

const withResolver = (resolver: NameResolverShape) =>
  Effect.provide(NetworkCheck.layer.pipe(Layer.provide(Layer.succeed(NameResolver, resolver))))

const namesOf = (names: Readonly<Record<string, Answer>>, host: string, limitMillis = LIMIT_MILLIS) =>
  Effect.gen(function* () {
    const server = yield* nameServer(names)
    return yield* Effect.flatMap(NetworkCheck, (network) => network.addresses(host, limitMillis)).pipe(
      withResolver(resolverAt([server]))
    )
  })

const texts = (addresses: ReadonlyArray<{ readonly address: string }>) => addresses.map(({ address }) => address)

describe("the network check", () => {
  it.live("queries the given name server for both families", () =>
    Effect.gen(function* () {
      const names = yield* namesOf({ [HOST]: ["192.0.2.1", "2001:db8::2"] }, HOST)
      assert.deepStrictEqual(texts(names.addresses), ["192.0.2.1", "2001:db8::2"])
      assert.deepStrictEqual(names.records?.[6].addresses, ["2001:db8::2"])
      assert.lengthOf(names.servers, 1)
    })
  )

  it.live("does not resolve an IP address", () =>
    Effect.gen(function* () {
      const names = yield* namesOf({}, "2001:db8::1")
      assert.isTrue(names.isLiteral)
      assert.deepStrictEqual(names.addresses, [{ address: "2001:db8::1", family: 6 }])
    })
  )

  it.live("sends no queries about names of this machine", () =>
    Effect.gen(function* () {
      const network = yield* NetworkCheck
      const names = yield* network.addresses("localhost", LIMIT_MILLIS)
      assert.isUndefined(names.records)
      assert.isNotEmpty(names.addresses)
    }).pipe(Effect.provide(NetworkCheck.layer))
  )

  it.live(
    "stops waiting for a name server at the limit",
    () =>
      Effect.gen(function* () {
        const [millis, names] = yield* stopped(namesOf({ [HOST]: "silence" }, HOST, 200))
        assert.isBelow(millis, 1500)
        assert.deepStrictEqual(names.addresses, [])
        assert.isDefined(names.lookup.failure)
      }),
    timed
  )

  it.live("measures the route to this machine and the time of a connection", () =>
    Effect.gen(function* () {
      const port = yield* cannedServer(authenticationOk)
      const network = yield* NetworkCheck
      assert.strictEqual(yield* network.route("127.0.0.1", 4, port), "127.0.0.1")
      assert.isAtLeast(yield* network.tcp("127.0.0.1", port), 0)
    }).pipe(Effect.provide(NetworkCheck.layer))
  )

  it.live("reports TLS_NOT_OFFERED and no certificate when the server does not offer TLS", () =>
    Effect.gen(function* () {
      const port = yield* cannedServer(Buffer.from("N"))
      const network = yield* NetworkCheck
      const facts = yield* network.tls({
        host: "127.0.0.1",
        port,
        family: 0,
        tls: { mode: "require", rootCertificate: undefined },
        keepAliveMillis: undefined
      })
      assert.isUndefined(facts.certificate)
      assert.strictEqual(facts.failure?.code, "TLS_NOT_OFFERED")
    }).pipe(Effect.provide(NetworkCheck.layer))
  )
})
