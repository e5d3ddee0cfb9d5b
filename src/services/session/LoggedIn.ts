/** Who opens a session may hear when it has logged in: what follows is one round trip. Nobody does by default. */
import * as Context from "effect/Context"

export const LoggedIn = Context.Reference<() => void>("effect-supavisor/services/session/LoggedIn", {
  defaultValue: () => () => {}
})
