/** The pool's own sessions, exclusive, with metrics and spans off. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "use", isObserved: false })
