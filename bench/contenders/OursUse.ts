/** The pool's own sessions, exclusive, observed. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "use", isObserved: true })
