/** Bytes in use after a garbage collection. */
export const memory = (): number => {
  if (globalThis.gc === undefined) throw new Error("Memory can be measured only under node --expose-gc")
  globalThis.gc()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

/** TCP sockets of this process, listening ones not counted. */
export const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
