/** The benchmark's command line. */
import { parseArgs } from "node:util"
import { type Route, routes } from "./Database.ts"
import { selectContenders, type Entry } from "./Roster.ts"
import type { Workload } from "./Workload.ts"
import { workloads } from "./workloads/Workloads.ts"

/** Rounds, and seconds per sample: enough for a stable median, and what fits into 90 seconds. */
const FULL = { rounds: 7, seconds: 1 }
const QUICK = { rounds: 3, seconds: 0.07 }

const MILLIS = 1000

export interface Options {
  readonly quick: boolean
  readonly rounds: number
  readonly millis: number
  readonly workloads: ReadonlyArray<Workload>
  readonly entries: ReadonlyArray<Entry>
  readonly route: Route
  readonly json: string | undefined
  readonly profileDirectory: string | undefined
  /** The options that the command for a single workload repeats. */
  readonly flags: ReadonlyArray<string>
}

export const usage = `Usage: node bench/main.ts [options]

  --quick             fewer workloads, rounds and seconds: under 90 s
  --rounds n          rounds of each workload (default ${FULL.rounds}, quick ${QUICK.rounds})
  --seconds n         length of one sample (default ${FULL.seconds}, quick ${QUICK.seconds})
  --only a,b          workloads: ${workloads.map(({ name }) => name).join(", ")}
  --contenders a,b    in addition to bare, the baseline; see bench/Roster.ts
  --through route     ${routes.join(", ")} (default direct)
  --json FILE         writes the result, for bench/report.ts
  --cpu-prof DIR      writes a V8 profile of each contender's process`

const positive = (name: string, text: string | undefined, fallback: number): number => {
  const value = text === undefined ? fallback : Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} must be a number above 0, not ${text}`)
}

const splitList = (text: string | undefined): ReadonlyArray<string> | undefined =>
  text?.split(",").map((name) => name.trim())

const selectWorkloads = (names: ReadonlyArray<string> | undefined, quick: boolean): ReadonlyArray<Workload> => {
  const unknown = names?.find((name) => !workloads.some((workload) => workload.name === name))
  if (unknown !== undefined) {
    throw new Error(`No workload is called ${unknown}; there are ${workloads.map(({ name }) => name).join(", ")}`)
  }
  return workloads.filter(({ isQuick, name }) => names?.includes(name) ?? (isQuick || !quick))
}

/** Parses the arguments. Returns undefined for `--help`; throws an error with a readable message otherwise. */
export const optionsOf = (args: ReadonlyArray<string>): Options | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      contenders: { type: "string" },
      through: { type: "string", default: "direct" },
      json: { type: "string" },
      "cpu-prof": { type: "string" }
    }
  })
  if (values.help) return undefined
  const route = routes.find((route) => route === values.through)
  if (route === undefined) throw new Error(`--through must be ${routes.join(", ")}, not ${values.through}`)
  const defaults = values.quick ? QUICK : FULL
  return {
    quick: values.quick,
    rounds: Math.ceil(positive("rounds", values.rounds, defaults.rounds)),
    millis: positive("seconds", values.seconds, defaults.seconds) * MILLIS,
    workloads: selectWorkloads(splitList(values.only), values.quick),
    entries: selectContenders(splitList(values.contenders), values.quick),
    route,
    json: values.json,
    profileDirectory: values["cpu-prof"],
    flags: [
      ...(values.quick ? ["--quick"] : []),
      ...(["rounds", "seconds", "contenders"] as const).flatMap((name) => {
        const value = values[name]
        return value === undefined ? [] : [`--${name}`, value]
      }),
      ...(route === "direct" ? [] : ["--through", route])
    ]
  }
}
