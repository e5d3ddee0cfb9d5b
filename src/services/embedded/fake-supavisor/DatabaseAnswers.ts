/** Whether PostgreSQL accepts connections, for reading a verifier that the pooler does not keep yet. */
import * as Net from "node:net"
import { type PoolerClock, poolerTimes } from "./PoolerClock.ts"
import type { Upstream } from "./Upstream.ts"

/** True as soon as a connection stands; false when the time for reading a verifier is over. */
export const databaseAnswers = (upstream: Upstream | undefined, clock: PoolerClock): Promise<boolean> =>
  new Promise((resolve) => {
    if (upstream === undefined) return resolve(false)
    const socket = Net.connect({ host: upstream.host, port: upstream.port })
    const cancel = clock.after(poolerTimes.credentialsUnreadable, () => {
      socket.destroy()
      resolve(false)
    })
    socket.on("error", () => socket.destroy())
    socket.on("connect", () => {
      cancel()
      socket.destroy()
      resolve(true)
    })
  })
