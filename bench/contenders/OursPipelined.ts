/** Statements on shared sessions, observed. */
import { ours } from "./Ours.ts"
import { pipelined } from "./Pipelined.ts"

export const contender = ours({ surface: "sql", isObserved: true, settings: pipelined })
