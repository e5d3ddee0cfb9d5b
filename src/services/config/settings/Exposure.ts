/** Messages about an operations server that is open to the network. */
import { hostKind } from "../connection-string/HostKind.ts"
import type { FieldKey } from "./Fields.ts"
import type { Settings } from "./Settings.ts"

/** Whether a name or an address (IPv6 without brackets) is this machine's loopback interface. */
export const isLoopback = (host: string): boolean => hostKind(host, 0) === "loopback"

type Exposed = Pick<Settings, "http">

/** The part that is open to the network; undefined on loopback. */
const opened = ({ http }: Exposed, naming: (key: FieldKey) => string): string | undefined =>
  isLoopback(http.host)
    ? undefined
    : `${naming("http.host")} (${http.host}) is not a loopback address: every client that reaches it can read the probes and /metrics`

/** The warning when the rest is closed because no token is set. */
export const exposureWarning = (settings: Exposed, naming: (key: FieldKey) => string): string | undefined => {
  const open = opened(settings, naming)
  if (open === undefined || settings.http.token !== undefined) return undefined
  return `${open}. The page, /events and /status answer 403 until ${naming("http.token")} is set.`
}

/** The note when the rest is open to clients with the token. */
export const exposureNote = (settings: Exposed, naming: (key: FieldKey) => string): string | undefined => {
  const open = opened(settings, naming)
  if (open === undefined || settings.http.token === undefined) return undefined
  return `${open}; the page, /events and /status require ${naming("http.token")}.`
}
