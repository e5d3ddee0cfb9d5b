/** Shared by all programs of the `start` workload: the database's address, and the report of the first row. */

export const url = process.env["BENCH_URL"] ?? ""

/** Writes the processor time used so far, in microseconds, to standard output. */
export const reportFirstRow = (rows: ReadonlyArray<unknown>): void => {
  if (rows.length !== 1) throw new Error(`One row was expected, not ${rows.length}`)
  const { system, user } = process.cpuUsage()
  process.stdout.write(`${system + user}\n`)
}
