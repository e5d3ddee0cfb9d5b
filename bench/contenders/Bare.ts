/** The baseline: reads in Node.js's default way, like every other client here except ours. */
import { bareSockets } from "./BareSockets.ts"

export const contender = bareSockets()
