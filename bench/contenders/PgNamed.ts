/** node-postgres with named statements. */
import { nodePostgres } from "./Pg.ts"

export const contender = nodePostgres(true)
