/** Effect SQL on exclusive sessions, with metrics and spans. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "sql", isObserved: true })
