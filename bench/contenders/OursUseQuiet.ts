/** `SessionPool.use`, without metrics and spans. */
import { ours } from "./Ours.ts"

export const contender = ours({ surface: "use", isObserved: false })
