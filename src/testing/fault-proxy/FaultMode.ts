/** What a fault proxy does to its connections. */

/** The direction of a chunk. */
export type Direction = "toServer" | "toClient"

/** Tests a chunk as it was read from the socket; encrypted traffic stays encrypted. */
export type ChunkPredicate = (chunk: Buffer, direction: Direction) => boolean

/** A fixed number of milliseconds, or a function that is called for each chunk (jitter). */
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
      readonly next: OpenConnectionMode
    }
  | { readonly _tag: "AfterServerBytes"; readonly bytes: number; readonly next: OpenConnectionMode }

/** A mode that an open connection can change to; the others apply to new connections only. */
export type OpenConnectionMode = Exclude<FaultMode, { readonly _tag: "Refuse" | "StallAccept" }>

/** Bytes pass unchanged. Ends every other mode. */
export const pass: OpenConnectionMode = { _tag: "Pass" }

/** The listening socket is closed: new connections get ECONNREFUSED, open ones stay. */
export const refuse: FaultMode = { _tag: "Refuse" }

/** New connections are accepted and get no bytes; the target is not dialled before the mode changes. */
export const stallAccept: FaultMode = { _tag: "StallAccept" }

/**
 * Connections stay open and become silent in both directions; bytes already written still arrive.
 *
 * `bytes`: `"hold"` (default) delivers them in order when the mode changes, like a network that retransmits; `"drop"`
 * loses them, and a connection that lost bytes is reset when the mode changes, because a TCP stream has no gaps.
 * `closes`: `"swallow"` (default) hides a close from the other side, as a broken path does; `"forward"` passes it on, so
 * that the server's backend ends with its client.
 */
export const blackhole = (options?: {
  readonly bytes?: "drop" | "hold"
  readonly closes?: "swallow" | "forward"
}): OpenConnectionMode => ({ _tag: "Blackhole", bytes: options?.bytes ?? "hold", closes: options?.closes ?? "swallow" })

/** Open and new connections are cut with a TCP reset. */
export const reset: OpenConnectionMode = { _tag: "Reset" }

/** Open and new connections are closed with a FIN. */
export const end: OpenConnectionMode = { _tag: "End" }

/** Writes at most `bytes` bytes at a time, every `everyMillis` milliseconds (default 0: as soon as possible). */
export const slice = (bytes: number, everyMillis = 0): OpenConnectionMode => {
  if (!Number.isInteger(bytes) || bytes < 1) throw new RangeError("slice: bytes must be an integer of at least 1")
  return { _tag: "Slice", bytes, everyMillis }
}

/** Delivers every chunk that many milliseconds later, in order. A missing direction has no delay. */
export const delay = (options: {
  readonly toServerMillis?: Latency
  readonly toClientMillis?: Latency
}): OpenConnectionMode => ({
  _tag: "Delay",
  toServerMillis: options.toServerMillis ?? 0,
  toClientMillis: options.toClientMillis ?? 0
})

// A PostgreSQL message of type "Z" (ReadyForQuery) and length 0x5A5A5A5A, which a client must not try to buffer.
const garbageFrame = Buffer.alloc(64, "Z")

/**
 * Injects bytes towards the client once, then passes: at once on an open connection, before the server's first
 * bytes on a new one. Default: 64 times the letter Z, a PostgreSQL message of 1.5 GB.
 */
export const garbage = (bytes: Buffer = garbageFrame): OpenConnectionMode => ({ _tag: "Garbage", bytes })

/**
 * Passes until a chunk satisfies the predicate, then changes to `next` on that connection.
 *
 * `matched`: `"forward"` (default) delivers the chunk first (the server gets a COMMIT and its reply is lost);
 * `"withhold"` leaves the chunk to `next`, so that it does not arrive.
 */
export const when = (
  predicate: ChunkPredicate,
  next: OpenConnectionMode,
  options?: { readonly matched?: "forward" | "withhold" }
): OpenConnectionMode => ({ _tag: "When", predicate, next, matched: options?.matched ?? "forward" })

/** Passes exactly `bytes` bytes from the server, counted from now on each connection, then changes to `next`. */
export const afterServerBytes = (bytes: number, next: OpenConnectionMode): OpenConnectionMode => {
  if (!Number.isInteger(bytes) || bytes < 0)
    throw new RangeError("afterServerBytes: bytes must be an integer of at least 0")
  return { _tag: "AfterServerBytes", bytes, next }
}

/** A predicate for {@link when}: a chunk in this direction that contains this text. */
export const contains =
  (text: string, direction: Direction = "toServer"): ChunkPredicate =>
  (chunk, travelling) =>
    travelling === direction && chunk.includes(text)
