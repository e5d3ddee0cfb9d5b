/** The reply of a server that refuses a login. */

/** One ErrorResponse of severity FATAL (PostgreSQL docs, "Message Formats" and "Error and Notice Message Fields"). */
export const fatalAnswer = (sqlState: string, message: string): Buffer => {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`)
  const frame = Buffer.alloc(5 + fields.length)
  frame.write("E", 0)
  frame.writeUInt32BE(4 + fields.length, 1)
  fields.copy(frame, 5)
  return frame
}
