/** A status in one line, for a person and for `grep`: the verdict, then pairs as the log lines of the pool write them. */
import { formatMillis, formatRate } from "../terminal/Quantity.ts"
import type { StatusBody } from "./StatusBody.ts"
import { verdictOf, verdictWords } from "./Verdict.ts"

const pair = (name: string, value: string): string => `${name}=${value.replaceAll(" ", "")}`

/** One line; `now` is wall-clock milliseconds. Texts in it are plain already. */
export const statusLine = (status: StatusBody, now: number): string => {
  const { endpoint, pool, query, wait } = status
  return [
    `${verdictWords(verdictOf(status, now))} |`,
    pair("open", `${pool.open}/${pool.max}`),
    pair("used", `${pool.used}`),
    pair("idle", `${pool.idle}`),
    pair("connecting", `${pool.connecting}`),
    pair("waiting", `${pool.waiting}`),
    pair("ceiling", `${pool.ceiling}`),
    ...(wait ? [pair("wait_p95", formatMillis(wait.p95))] : []),
    ...(query ? [pair("query_p95", formatMillis(query.p95)), pair("queries", formatRate(query.perSecond))] : []),
    pair("findings", `${status.findings?.length ?? 0}`),
    pair("database", `${endpoint.host}:${endpoint.port}/${endpoint.database}`),
    ...(status.demo === true ? ["demo=true"] : [])
  ].join(" ")
}
