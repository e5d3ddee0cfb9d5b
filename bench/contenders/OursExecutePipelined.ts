/** The pool's own statements on shared sessions, observed. */
import { ours } from "./Ours.ts"
import { pipelined } from "./Pipelined.ts"

export const contender = ours({ surface: "execute", isObserved: true, settings: pipelined })
