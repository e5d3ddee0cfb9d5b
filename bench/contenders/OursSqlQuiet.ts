/** Statements on exclusive sessions, with metrics and spans off. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "sql", isObserved: false })
