// Starts the program with nothing configured, waits until it is ready, stops it with SIGINT as a person at a terminal
// would, and expects exit code 0 and no process left behind.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import { setTimeout as pause } from "node:timers/promises"

/** A first start runs initdb: several seconds on a loaded machine with two cores. */
const READY_MILLIS = 45_000

/** The program drains for at most 20 s (DB_SHUTDOWN_TIMEOUT), then PostgreSQL stops. */
const EXIT_MILLIS = 30_000

/** How long the kernel may take to remove a process that has ended. */
const REAP_MILLIS = 2_000

const POLL_MILLIS = 100

const CONFIGURATION = /^(DB_|HTTP_|OTEL_|PG|SUPABASE_|DATABASE_URL$|POSTGRES_)/

const freePort = async () => {
  const server = Net.createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}

/** All processes as "pid start" with their parent and command; the start time distinguishes a reused pid from the old one. */
const processes = () =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,lstart=,comm="], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" }
  })
    .split("\n")
    .flatMap((line) => {
      const [, pid, parent, state, start, command] =
        /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(line) ?? []
      return pid === undefined || state.startsWith("Z")
        ? []
        : [{ id: `${pid} ${start}`, pid: Number(pid), parent: Number(parent), command }]
    })

/** Records every descendant ever seen, because a process whose parent is gone no longer shows where it came from. */
const watchFamily = (ancestor) => {
  const family = new Map()
  return {
    look: () => {
      const all = processes()
      const pids = new Set([ancestor, ...all.filter(({ id }) => family.has(id)).map(({ pid }) => pid)])
      let grown = true
      while (grown) {
        const found = all.filter(({ pid, parent }) => pids.has(parent) && !pids.has(pid))
        for (const { pid } of found) pids.add(pid)
        grown = found.length > 0
      }
      for (const one of all) if (pids.has(one.pid)) family.set(one.id, one)
    },
    names: () => [...new Set([...family.values()].map(({ command }) => command))].join(", "),
    alive: () => processes().filter(({ id }) => family.has(id))
  }
}

const isReady = async (port) => {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(POLL_MILLIS * 10) })
    await response.text()
    return response.status === 200
  } catch {
    return false
  }
}

const waitFor = async (millis, condition) => {
  const deadline = performance.now() + millis
  while (performance.now() < deadline) {
    if (await condition()) return true
    await pause(POLL_MILLIS)
  }
  return false
}

const smoke = async () => {
  const port = await freePort()
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !CONFIGURATION.test(name)))
  const program = spawn("npm", ["start"], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, HTTP_PORT: String(port) }
  })
  const family = watchFamily(program.pid)
  const ended = once(program, "exit")
  let output = ""
  for (const stream of [program.stdout, program.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text
      process.stdout.write(text)
    })
  }

  const send = (pid, signal) => {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if (error.code !== "ESRCH") throw error
    }
  }
  const hasEnded = () => program.exitCode !== null || program.signalCode !== null

  const problems = []
  try {
    const began = performance.now()
    const settled = await waitFor(READY_MILLIS, async () => {
      const settledNow = hasEnded() || (await isReady(port))
      family.look()
      return settledNow
    })
    if (hasEnded()) return [`the program ended before it was ready, with ${program.exitCode ?? program.signalCode}`]
    if (!settled) return [`not ready within ${READY_MILLIS} ms on port ${port}`]
    console.log(`ready after ${Math.round(performance.now() - began)} ms; running: ${family.names()}`)
    if (!output.includes(`:${port}`)) problems.push(`the output never names the operations address (port ${port})`)

    send(-program.pid, "SIGINT")
    const [code, signal] = (await Promise.race([ended, pause(EXIT_MILLIS, undefined, { ref: false })])) ?? []
    if (code === undefined) problems.push(`still running ${EXIT_MILLIS} ms after SIGINT`)
    else if (code !== 0) problems.push(`exit ${code ?? signal} after SIGINT instead of 0`)
    if (!(await waitFor(REAP_MILLIS, () => family.alive().length === 0))) {
      const left = family.alive().map(({ pid, command }) => `${command} (${pid})`)
      problems.push(`left behind: ${left.join(", ")}`)
    }
    return problems
  } finally {
    send(-program.pid, "SIGKILL")
    for (const { pid } of family.alive()) send(pid, "SIGKILL")
  }
}

const problems = await smoke()
for (const problem of problems) console.error(`smoke: ${problem}`)
process.exit(problems.length === 0 ? 0 : 1)
