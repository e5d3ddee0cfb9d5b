/** Effect SQL on exclusive sessions, without metrics and spans. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "sql", isObserved: false })
