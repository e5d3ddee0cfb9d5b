/** The baseline with one read buffer for all sockets, as in this project. */
import { sharedReadBuffer } from "../../src/services/wire/Transport.ts"
import { bareSockets } from "./BareSockets.ts"

export const contender = bareSockets(sharedReadBuffer)
