/** Statements on exclusive sessions, observed. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "sql", isObserved: true })
