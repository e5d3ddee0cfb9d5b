/**
 * A reason's stack would repeat that of the SessionError around it, and capturing it is most of the cost of an
 * error.
 */
export const withoutStack = <A>(make: () => A): A => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}
