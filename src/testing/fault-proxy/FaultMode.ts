/** What a fault proxy does to the connections that run through it. */

/** Which way a chunk travels. */
export type Direction = "toServer" | "toClient"

/** Looks at a chunk as it was read from the socket; encrypted traffic is opaque to it. */
export type ChunkPredicate = (chunk: Buffer, direction: Direction) => boolean

/** A fixed number of milliseconds, or a function asked for each chunk (jitter). */
export type Latency = number | (() => number)

/** The behaviour of one connection, or of all of them. Made with the constructors in this module. */
export type FaultMode =
  | { readonly _tag: "Pass" }
  | { readonly _tag: "Refuse" }
  | { readonly _tag: "StallAccept" }
  | { readonly _tag: "Blackhole"; readonly bytes: "drop" | "hold"; readonly closes: "swallow" | "forward" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "End" }
  | { readonly _tag: "Slice"; readonly bytes: number; readonly everyMillis: number }
  | { readonly _tag: "Delay"; readonly toServerMillis: Latency; readonly toClientMillis: Latency }
  | { readonly _tag: "Garbage"; readonly bytes: Buffer }
  | {
      readonly _tag: "When"
      readonly predicate: ChunkPredicate
      readonly matched: "forward" | "withhold"
      readonly next: ConnectionMode
    }
  | { readonly _tag: "AfterServerBytes"; readonly bytes: number; readonly next: ConnectionMode }

/** A mode that an existing connection can go over to; the others concern connections that are still to come. */
export type ConnectionMode = Exclude<FaultMode, { readonly _tag: "Refuse" | "StallAccept" }>

/** Bytes go through untouched. Heals every other mode. */
export const pass: ConnectionMode = { _tag: "Pass" }

/** The listening socket is closed: new connections get ECONNREFUSED, existing ones go on. */
export const refuse: FaultMode = { _tag: "Refuse" }

/** New connections are accepted and hear nothing; the target is not dialled before the mode changes. */
export const stallAccept: FaultMode = { _tag: "StallAccept" }

/**
 * Connections stay open and go silent in both directions from now on; bytes already on their way still arrive.
 *
 * `bytes`: `"hold"` (default) delivers them in order once the mode changes, like a network that retransmits; `"drop"`
 * loses them, and a connection that lost bytes is reset when the mode changes, because no TCP stream has holes.
 * `closes`: `"swallow"` (default) hides a close from the other side as a dead path does; `"forward"` passes it on, so
 * that the server's backend goes away with its client.
 */
export const blackhole = (options?: {
  readonly bytes?: "drop" | "hold"
  readonly closes?: "swallow" | "forward"
}): ConnectionMode => ({ _tag: "Blackhole", bytes: options?.bytes ?? "hold", closes: options?.closes ?? "swallow" })

/** Existing connections and every new one are cut with a TCP reset. */
export const reset: ConnectionMode = { _tag: "Reset" }

/** Existing connections and every new one are closed in order (FIN). */
export const end: ConnectionMode = { _tag: "End" }

/** Writes at most `bytes` bytes at a time, every `everyMillis` milliseconds (default 0: as soon as possible). */
export const slice = (bytes: number, everyMillis = 0): ConnectionMode => {
  if (!Number.isInteger(bytes) || bytes < 1) throw new RangeError("slice: bytes must be an integer of at least 1")
  return { _tag: "Slice", bytes, everyMillis }
}

/** Delivers every chunk that many milliseconds later, in order. A missing direction has no delay. */
export const delay = (options: {
  readonly toServerMillis?: Latency
  readonly toClientMillis?: Latency
}): ConnectionMode => ({
  _tag: "Delay",
  toServerMillis: options.toServerMillis ?? 0,
  toClientMillis: options.toClientMillis ?? 0
})

// As a PostgreSQL message: type "Z" (ReadyForQuery) with a length of 0x5A5A5A5A, which no client should try to buffer.
const garbageFrame = Buffer.alloc(64, "Z")

/**
 * Injects bytes towards the client once, then passes: at once on an existing connection, before the server's first
 * bytes on a new one. Default: 64 times the letter Z, a PostgreSQL message of 1.5 GB.
 */
export const garbage = (bytes: Buffer = garbageFrame): ConnectionMode => ({ _tag: "Garbage", bytes })

/**
 * Passes until a chunk satisfies the predicate, then goes over to `next` on that connection.
 *
 * `matched`: `"forward"` (default) delivers the chunk first, so the server sees the COMMIT whose reply gets lost;
 * `"withhold"` leaves the chunk to `next`, so it never arrives.
 */
export const when = (
  predicate: ChunkPredicate,
  next: ConnectionMode,
  options?: { readonly matched?: "forward" | "withhold" }
): ConnectionMode => ({ _tag: "When", predicate, next, matched: options?.matched ?? "forward" })

/** Passes exactly `bytes` bytes from the server, counted from now on each connection, then goes over to `next`. */
export const afterServerBytes = (bytes: number, next: ConnectionMode): ConnectionMode => {
  if (!Number.isInteger(bytes) || bytes < 0)
    throw new RangeError("afterServerBytes: bytes must be an integer of at least 0")
  return { _tag: "AfterServerBytes", bytes, next }
}

/** A predicate for {@link when}: the chunk travels in this direction and contains this text. */
export const contains =
  (text: string, direction: Direction = "toServer"): ChunkPredicate =>
  (chunk, travelling) =>
    travelling === direction && chunk.includes(text)
