/** Messages of a server, as bytes, for what reads them (PostgreSQL docs, "Message Formats"). */

const framed = (type: string, body: Buffer): Buffer => {
  const frame = Buffer.alloc(5 + body.length)
  frame.write(type, "latin1")
  frame.writeInt32BE(4 + body.length, 1)
  body.copy(frame, 5)
  return frame
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`)

/** OID of `text`. */
const TEXT = 25

const BINARY = 1

export const parseComplete = framed("1", Buffer.alloc(0))
export const bindComplete = framed("2", Buffer.alloc(0))
export const closeComplete = framed("3", Buffer.alloc(0))
export const noData = framed("n", Buffer.alloc(0))
export const emptyQuery = framed("I", Buffer.alloc(0))
export const commandComplete = (tag: string): Buffer => framed("C", text(tag))
export const ready = (status: "I" | "T" | "E" = "I"): Buffer => framed("Z", Buffer.from(status))
export const notice = (message: string): Buffer =>
  framed("N", Buffer.concat([text(`SNOTICE`), text(`M${message}`), text("")]))
export const parameterStatus = (name: string, value: string): Buffer =>
  framed("S", Buffer.concat([text(name), text(value)]))

export const error = (code: string, message: string, severity = "ERROR"): Buffer =>
  framed(
    "E",
    Buffer.concat([text(`S${severity}`), text(`V${severity}`), text(`C${code}`), text(`M${message}`), Buffer.alloc(1)])
  )

/** Columns of type text. */
export const rowDescription = (names: ReadonlyArray<string>): Buffer =>
  framed(
    "T",
    Buffer.concat([
      int16(names.length),
      ...names.map((name) =>
        Buffer.concat([text(name), int32(0), int16(0), int32(TEXT), int16(-1), int32(-1), int16(BINARY)])
      )
    ])
  )

export const dataRow = (values: ReadonlyArray<string | null>): Buffer =>
  framed(
    "D",
    Buffer.concat([
      int16(values.length),
      ...values.map((value) =>
        value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)])
      )
    ])
  )

/** Cuts bytes at the places given, each a fraction of the whole. */
export const cutAt = (bytes: Buffer, places: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const cuts = [0, ...places.map((place) => Math.floor(place * bytes.length)).toSorted((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((end, index) => Buffer.from(bytes.subarray(cuts[index], end)))
}
