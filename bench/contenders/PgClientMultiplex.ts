/** Effect's own client with `multiplex`: statements of many fibers share a session. */
import { pgClient } from "./PgClient.ts"

export const contender = pgClient({ multiplex: true })
