/** The contenders and what each can do. */
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { type Operation, operations } from "./Operation.ts"

/** Operations and measurements that not every contender supports. */
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
/** For clients that write a statement in one piece and read from `data` events. */
const singleWrite: ReadonlyArray<Ability> = [...all, "canned"]

const isInstalled = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((directory) => existsSync(join(directory, program)))

/** The contender that all others are compared with. */
export const BASELINE = "bare"

const PGBENCH = "pgbench"

/**
 * Left out of a quick run unless named: pgbench measures whole seconds only, the cost of observability or a read buffer
 * is too small for a quick run, and applications use sql-pg's pool through its client.
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
  { name: BASELINE, title: "bare socket", module: "Bare.ts", can: singleWrite },
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
  // Its `reserve` waits forever once every session has pipelined statements, so leases are measured on new sessions.
  { name: "postgres.js", title: "postgres.js", module: "PostgresJs.ts", can: [...all, "lease"] },
  { name: "pgclient", title: "PgClient.layer", module: "PgClient.ts", can: singleWrite },
  { name: "pgclient-multiplex", title: "PgClient.layer, multiplex", module: "PgClientMultiplex.ts", can: singleWrite },
  { name: "pgpool", title: "sql-pg's PgPool.use", module: "PgPool.ts", can: [...singleWrite, "lease"] },
  { name: "ours-sql", title: "ours, sql", module: "OursSql.ts", can: singleWrite },
  { name: "ours-sql-quiet", title: "ours, sql, unobserved", module: "OursSqlQuiet.ts", can: singleWrite },
  { name: "ours-use", title: "ours, SessionPool.use", module: "OursUse.ts", can: [...singleWrite, "lease"] },
  { name: "ours-use-quiet", title: "ours, use, unobserved", module: "OursUseQuiet.ts", can: [...singleWrite, "lease"] },
  { name: "ours-pipelined", title: "ours, sql, pipelined", module: "OursPipelined.ts", can: singleWrite },
  {
    name: "ours-execute-pipelined",
    title: "ours, execute, pipelined",
    module: "OursExecutePipelined.ts",
    can: [...singles, "burst", "canned"]
  }
]

/** The contenders with these names and the baseline; without names, all (`quick`: fewer). Throws for an unknown name. */
export const selectContenders = (names: ReadonlyArray<string> | undefined, quick: boolean): ReadonlyArray<Entry> => {
  const unknown = names?.find((name) => !roster.some((entry) => entry.name === name))
  if (unknown !== undefined) {
    throw new Error(`No contender is called ${unknown}; there are ${roster.map(({ name }) => name).join(", ")}`)
  }
  if (names === undefined) return roster.filter(({ name }) => !(quick && LEFT_OUT_OF_QUICK.has(name)))
  return roster.filter(({ name }) => name === BASELINE || names.includes(name))
}
