/** The limit once more, where all sockets read into one buffer, as this project's do. */
import { readingInto } from "../../src/services/wire/Transport.ts"
import { bareSockets } from "./BareSockets.ts"

export const contender = bareSockets(readingInto)
