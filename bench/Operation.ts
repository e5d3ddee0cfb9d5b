/** What the contenders do: the same few pieces of work, in the same SQL, whatever the client. */

/**
 * `rows` reads 1 000 rows of 10 columns; `transaction` is begin, select, update, commit; `wait` keeps its session for
 * twenty milliseconds and no processor.
 */
export type Operation = "select1" | "point" | "insert" | "rows" | "transaction" | "wait"

export const operations: ReadonlyArray<Operation> = ["select1", "point", "insert", "rows", "transaction", "wait"]

/** A row as an application sees it. */
export type Row = Readonly<Record<string, unknown>>

export type Rows = ReadonlyArray<Row>

/** Rows of the tables a primary key is looked up in: more than fit a CPU's cache, few enough to be made in a second. */
export const KEYS = 100_000

/** Rows of the result that is long. */
export const WIDE_ROWS = 1000

/**
 * How long `wait` keeps its session: so long that two slow cores do what a hundred sessions ask for, 2 500 statements a
 * second, and the sessions are the limit.
 */
export const WAIT_MILLIS = 40

/** What an inserted row says. */
export const NOTE = "written by the benchmark"

export const SQL = {
  select1: "select 1 as one",
  point: "select id, name, balance from bench_point where id = $1",
  insert: "insert into bench_insert (caller, note) values ($1, $2) returning id",
  rows: "select * from bench_wide",
  wait: "select 1 as one from pg_sleep(0.04)",
  update: "update bench_point set balance = balance + 1 where id = $1"
} as const

/** Keys in an order that is the same in every process and touches the table everywhere. */
export const keys = (): (() => number) => {
  // a prime stride that has no factor in common with the number of keys visits each of them once a lap
  const stride = 61_757
  let key = 0
  return () => {
    key = (key + stride) % KEYS
    return key + 1
  }
}
