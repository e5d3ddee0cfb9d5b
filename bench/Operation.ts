/** The operations that are compared, in the same SQL for every client. */

/**
 * `rows` reads 1 000 rows of 10 columns; `transaction` is begin, select, update, commit; `wait` occupies its session for
 * `WAIT_MILLIS` without using the processor.
 */
export type Operation = "select1" | "point" | "insert" | "rows" | "transaction" | "wait"

export const operations: ReadonlyArray<Operation> = ["select1", "point", "insert", "rows", "transaction", "wait"]

/** A row as the application receives it. */
export type Row = Readonly<Record<string, unknown>>

export type Rows = ReadonlyArray<Row>

/** Rows of the table read by key: more than fit into a CPU's cache, few enough to insert within a second. */
export const KEYS = 100_000

/** Rows of the large result. */
export const WIDE_ROWS = 1000

/**
 * How long `wait` occupies its session. A hundred sessions then run 2 500 statements a second, which two slow cores can
 * do, so the sessions are the limit.
 */
export const WAIT_MILLIS = 40

/** The text of an inserted row. */
export const NOTE = "written by the benchmark"

export const SQL = {
  select1: "select 1 as one",
  point: "select id, name, balance from bench_point where id = $1",
  insert: "insert into bench_insert (caller, note) values ($1, $2) returning id",
  rows: "select * from bench_wide",
  wait: "select 1 as one from pg_sleep(0.04)",
  update: "update bench_point set balance = balance + 1 where id = $1"
} as const

/** Keys in an order that is the same in every process and visits the whole table. */
export const keys = (): (() => number) => {
  // A stride that is coprime to the number of keys visits each key once before it repeats.
  const stride = 61_757
  let key = 0
  return () => {
    key = (key + stride) % KEYS
    return key + 1
  }
}
