/** Who is compared, and with what. */
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { pipelined } from "./contenders/Pipelined.ts"
import { type Operation, operations } from "./Operation.ts"

/** Things that not every contender can do. */
export type Ability = Operation | "burst" | "lease" | "hold" | "canned"

export interface Entry {
  readonly name: string
  readonly title: string
  /** Its file among `contenders/`. */
  readonly module: string
  readonly can: ReadonlyArray<Ability>
}

const statements: ReadonlyArray<Ability> = ["select1", "point", "insert", "rows"]
const singles: ReadonlyArray<Ability> = [...statements, "wait"]
const all: ReadonlyArray<Ability> = [...operations, "burst", "hold"]
/** Those that write a statement in one piece, and read what a socket hands them. */
const whole: ReadonlyArray<Ability> = [...all, "canned"]

const isInstalled = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((directory) => existsSync(join(directory, program)))

/** The contender all others are measured against. */
export const FLOOR = "bare"

const PGBENCH = "pgbench"

/**
 * Left out of a quick run unless named: pgbench measures whole seconds only, what observation or a read buffer costs
 * shows in a long run alone, and nobody picks sql-pg's pool without its client.
 */
const LEFT_OUT_OF_QUICK: ReadonlySet<string> = new Set([
  PGBENCH,
  "bare-buffer",
  "pgpool",
  "ours-sql-quiet",
  "ours-use-quiet",
  "ours-execute-pipelined"
])

export const roster: ReadonlyArray<Entry> = [
  { name: FLOOR, title: "bare socket", module: "Bare.ts", can: whole },
  { name: "packed", title: "bare socket, packed", module: "Packed.ts", can: [...statements, "burst", "canned"] },
  {
    name: "bare-buffer",
    title: "bare socket, one read buffer",
    module: "BareBuffer.ts",
    can: [...operations, "canned"]
  },
  ...(isInstalled(PGBENCH)
    ? [{ name: PGBENCH, title: "pgbench -M prepared", module: "Pgbench.ts", can: ["select1", "point"] as const }]
    : []),
  { name: "pg", title: "pg, plain", module: "Pg.ts", can: [...all, "lease"] },
  { name: "pg-named", title: "pg, named statements", module: "PgNamed.ts", can: all },
  // its `reserve` waits for ever once every session has had statements in its pipeline: leases are asked of fresh ones
  { name: "postgres.js", title: "postgres.js", module: "PostgresJs.ts", can: [...all, "lease"] },
  { name: "pgclient", title: "PgClient.layer", module: "PgClient.ts", can: whole },
  { name: "pgclient-multiplex", title: "PgClient.layer, multiplex", module: "PgClientMultiplex.ts", can: whole },
  { name: "pgpool", title: "sql-pg's PgPool.use", module: "PgPool.ts", can: [...whole, "lease"] },
  { name: "ours-sql", title: "ours, sql", module: "OursSql.ts", can: whole },
  { name: "ours-sql-quiet", title: "ours, sql, unobserved", module: "OursSqlQuiet.ts", can: whole },
  { name: "ours-use", title: "ours, SessionPool.use", module: "OursUse.ts", can: [...whole, "lease"] },
  { name: "ours-use-quiet", title: "ours, use, unobserved", module: "OursUseQuiet.ts", can: [...whole, "lease"] },
  ...(pipelined === undefined
    ? []
    : [
        { name: "ours-pipelined", title: "ours, sql, pipelined", module: "OursPipelined.ts", can: whole },
        {
          name: "ours-execute-pipelined",
          title: "ours, execute, pipelined",
          module: "OursExecutePipelined.ts",
          can: [...singles, "burst", "canned"] as const
        }
      ])
]

/** The contenders of these names, the floor among them, or all that fit; throws with the names there are. */
export const chosen = (names: ReadonlyArray<string> | undefined, quick: boolean): ReadonlyArray<Entry> => {
  const unknown = names?.find((name) => !roster.some((entry) => entry.name === name))
  if (unknown !== undefined) {
    throw new Error(`No contender is called ${unknown}; there are ${roster.map(({ name }) => name).join(", ")}`)
  }
  if (names === undefined) return roster.filter(({ name }) => !(quick && LEFT_OUT_OF_QUICK.has(name)))
  return roster.filter(({ name }) => name === FLOOR || names.includes(name))
}
