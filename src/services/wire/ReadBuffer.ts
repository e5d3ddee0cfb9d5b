/**
 * One buffer that every socket reads into, because the answer to a statement is a hundred bytes.
 *
 * Left to itself, Node gives each chunk a buffer of 64 KiB, takes back what was not filled, and hands the chunk on
 * through a stream: a tenth of what a statement costs a client that does nothing else (`bare-buffer` in
 * bench/README.md). Under TLS it stays like that: Node takes no buffer for a socket that becomes encrypted later.
 */
import type * as Net from "node:net"

/** As much as libuv reads at a time (libuv source, uv__read). */
const BYTES = 64 * 1024

const buffer = Buffer.allocUnsafeSlow(BYTES)

/**
 * What `net.connect` is to be given as `onread`, for the socket that it returns. The socket emits `data` as any other,
 * with chunks that are the listener's to keep; what comes before there is a listener waits for one.
 */
export const readingInto = (socket: () => Net.Socket): Net.OnReadOpts => ({
  buffer,
  callback: (length) => {
    const chunk = Buffer.allocUnsafe(length)
    buffer.copy(chunk, 0, 0, length)
    if (!socket().emit("data", chunk)) socket().push(chunk)
    return true
  }
})
