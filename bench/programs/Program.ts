/**
 * Start to first row: this project's program as it is shipped, running `serve`. The first row is the one in which the
 * first session reads its settings back; the program then logs that it serves.
 */
import { reportFirstRow, url } from "./FirstRow.ts"

const SERVING = "Serving."

const write = process.stderr.write.bind(process.stderr)

// Hides the log, except for problems.
process.stderr.write = (chunk: string | Uint8Array): boolean => {
  const text = String(chunk)
  if (text.includes(SERVING)) {
    reportFirstRow([text])
    process.kill(process.pid, "SIGINT")
  }
  return / (WARN|ERROR|FATAL) /.test(text) ? write(text) : true
}

process.env["SUPABASE_SESSION_POOLER"] = url
process.env["HTTP_PORT"] = "0"

// The installed program, relative to the compiled file.
await import(String(new URL("../node_modules/effect-supavisor/dist/main.cjs", import.meta.url)))
