/**
 * Who can reach the operations server, and what they may read there.
 */
import { hostKind } from "../connection-string/HostKind.ts"
import type { FieldKey } from "./Fields.ts"
import type { Settings } from "./Settings.ts"

/** Whether a name or an address, IPv6 without brackets, leads to this machine and nowhere else. */
export const isLoopback = (host: string): boolean => hostKind(host, 0) === "loopback"

/** The parts of the settings that decide it. */
type Exposed = Pick<Settings, "http">

/** What is open to the network, as far as the settings decide it; undefined when nothing is. */
const opened = ({ http }: Exposed, naming: (key: FieldKey) => string): string | undefined =>
  isLoopback(http.host)
    ? undefined
    : `${naming("http.host")} (${http.host}) is no loopback address: whoever reaches it can read the probes and /metrics`

/** Said when the rest is closed to everybody, because nobody can show a token. */
export const exposureWarning = (settings: Exposed, naming: (key: FieldKey) => string): string | undefined => {
  const open = opened(settings, naming)
  if (open === undefined || settings.http.token !== undefined) return undefined
  return `${open}. The page, /events and /status answer 403 to everybody until ${naming("http.token")} is set.`
}

/** Said when the rest is open to those who hold the token. */
export const exposureNote = (settings: Exposed, naming: (key: FieldKey) => string): string | undefined => {
  const open = opened(settings, naming)
  if (open === undefined || settings.http.token === undefined) return undefined
  return `${open}; the page, /events and /status need ${naming("http.token")}.`
}
