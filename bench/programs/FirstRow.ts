/** What every program that is timed from its start does: learns where the database is, and says that a row came. */

export const url = process.env["BENCH_URL"] ?? ""

/** Says so at once, with the processor time used so far in microseconds. */
export const firstRow = (rows: ReadonlyArray<unknown>): void => {
  if (rows.length !== 1) throw new Error(`One row was expected, not ${rows.length}`)
  const { system, user } = process.cpuUsage()
  process.stdout.write(`${system + user}\n`)
}
