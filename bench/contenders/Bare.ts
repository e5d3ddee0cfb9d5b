/** The limit: reads as Node does by itself, and as every other client here but ours. */
import { bareSockets } from "./BareSockets.ts"

export const contender = bareSockets()
