/** `SessionPool.execute` on shared sessions, with metrics and spans. */
import { ours } from "./Ours.ts"
import { pipelined } from "./Pipelined.ts"

export const contender = ours({ surface: "execute", isObserved: true, settings: pipelined })
