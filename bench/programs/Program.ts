/**
 * Start to first row: this project's program as it is shipped, serving. Its first row is the one in which its first
 * session reads its settings back; it says that it serves when that has come.
 */
import { firstRow, url } from "./FirstRow.ts"

const SERVING = "Serving."

const write = process.stderr.write.bind(process.stderr)

// what it says is not of interest, but for this
process.stderr.write = (said: string | Uint8Array): boolean => {
  const text = String(said)
  if (text.includes(SERVING)) {
    firstRow([text])
    process.kill(process.pid, "SIGINT")
  }
  return / (WARN|ERROR|FATAL) /.test(text) ? write(text) : true
}

process.env["SUPABASE_SESSION_POOLER"] = url
process.env["HTTP_PORT"] = "0"

// where npm would have put the program, seen from where this one lies once it is compiled
await import(String(new URL("../node_modules/effect-supavisor/dist/main.cjs", import.meta.url)))
