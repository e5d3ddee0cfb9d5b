/** A pipeline whose server is the test: writes are counted, and the test supplies what is read. */
import type * as Net from "node:net"
import { QueryPipeline } from "../../../../src/services/wire/query/QueryPipeline.ts"
import type { InFlightQuery } from "../../../../src/services/wire/query/InFlightQuery.ts"
import type { Query } from "../../../../src/services/wire/query/Query.ts"
import { TypeCatalogue } from "../../../../src/services/wire/query/TypeCatalogue.ts"
import { WireTap } from "../../../../src/services/wire/WireTap.ts"

export interface PipelineUnderTest {
  readonly pipeline: QueryPipeline
  readonly tap: WireTap
  readonly writes: Array<Buffer>
  readonly broken: Array<unknown>
  /** Cycles that ended, in order. */
  readonly ended: Array<InFlightQuery>
  readonly send: (sql: string, more?: Partial<Query> & { readonly isBatched?: boolean }) => InFlightQuery
}

export const pipelineUnderTest = (
  options: { readonly named?: number; readonly maxMessageSize?: number } = {}
): PipelineUnderTest => {
  const tap = new WireTap(() => 0)
  const writes: Array<Buffer> = []
  const broken: Array<unknown> = []
  const ended: Array<InFlightQuery> = []
  const socket = { write: (bytes: Uint8Array) => writes.push(Buffer.from(bytes)) > 0 } as unknown as Net.Socket
  const pipeline = new QueryPipeline(
    {
      socket,
      tap,
      now: () => 0,
      registry: undefined,
      types: new TypeCatalogue(),
      namedStatements: options.named,
      maxMessageSize: options.maxMessageSize,
      onBroken: (cause) => broken.push(cause)
    },
    "s_"
  )
  return {
    pipeline,
    tap,
    writes,
    broken,
    ended,
    send: (sql, { isBatched = false, ...more } = {}) =>
      pipeline.send({ sql, params: [], named: true, form: "objects", ...more }, isBatched, (inFlight) =>
        ended.push(inFlight)
      )
  }
}

/** The type bytes of the messages in what was written. */
export const typesOf = (bytes: Buffer): string => {
  let types = ""
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) types += String.fromCharCode(bytes[at]!)
  return types
}
