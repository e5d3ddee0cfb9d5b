/** The connections of the database server: by owner and state, the oldest and longest, and those that block others. */
import { byId, setText, show } from "./Dom.js"
import { makeFacts } from "./Rows.js"
import { age, count, duration, NOTHING, percent } from "./Format.js"
import { makeTable } from "./Table.js"

/** @import { Backend, BlockedBackend, DatabaseView } from "../../services/observability/monitor/DatabaseView.ts" */
/** @import { StatusBody } from "../StatusSchema.ts" */
/** @import { Column } from "./Table.js" */
/** @import { Model } from "./Model.js" */

/** The number is marked from this share of the usable connections on: the usual bound of alerts. */
const CROWDED = 0.8

/** @type {Readonly<Record<string, string>>} */
const ownerTexts = { ours: "this application", pooler: "the pooler", others: "others" }

/** @typedef {{ readonly owner: string, readonly counts: Readonly<Record<string, number>>, readonly waitingOnLock: number }} OwnerRow */

/** @type {(view: DatabaseView) => ReadonlyArray<OwnerRow>} */
const owners = (view) =>
  Object.keys(ownerTexts).map((owner) => {
    const own = view.counts.filter((row) => row.owner === owner)
    return {
      owner,
      counts: Object.fromEntries(
        ["active", "idle", "idle in transaction", "unknown"].map((state) => [
          state,
          own.reduce((sum, row) => (row.state === state ? sum + row.count : sum), 0)
        ])
      ),
      waitingOnLock: own.reduce((sum, row) => sum + row.waitingOnLock, 0)
    }
  })

/** @type {(title: string, state: string) => Column<OwnerRow>} */
const stateColumn = (title, state) => ({ title, kind: "number", text: ({ counts }) => count(counts[state] ?? 0) })

/** @type {ReadonlyArray<Column<OwnerRow>>} */
const ownerColumns = [
  { title: "Owner", kind: "word", text: ({ owner }) => ownerTexts[owner] ?? owner },
  stateColumn("Active", "active"),
  stateColumn("Idle", "idle"),
  stateColumn("In transaction", "idle in transaction"),
  stateColumn("Hidden", "unknown"),
  { title: "Waiting for lock", kind: "number", text: ({ waitingOnLock }) => count(waitingOnLock) }
]

/** @param {Backend | BlockedBackend["blockers"][number]} backend */
const named = ({ application, pid, user }) => {
  const name = application === null || application === "" ? user : application
  return name === null ? `pid ${pid}` : `${name} (pid ${pid})`
}

/** @param {Backend | null} backend */
const aged = (backend) => (backend === null ? NOTHING : `${age(backend.millis)}, ${named(backend)}`)

/** @param {Backend | null} backend */
const lasting = (backend) => (backend === null ? NOTHING : `${duration(backend.millis)}, ${named(backend)}`)

/** @typedef {{ readonly client: string, readonly state: string, readonly millis: number, readonly blockedBy: string }} LockRow */

/** @type {(view: DatabaseView) => ReadonlyArray<LockRow>} */
const locks = ({ blocked, idleInTransaction }) => [
  ...blocked.map((row) => ({
    client: named(row),
    state: "waits for a lock",
    millis: row.millis,
    blockedBy: [...row.blockers.map(named), ...(row.byPrepared ? ["a prepared transaction"] : [])].join(", ")
  })),
  ...idleInTransaction.map((row) => ({
    client: named(row),
    state: "idle in a transaction",
    millis: row.millis,
    blockedBy: NOTHING
  }))
]

/** @type {ReadonlyArray<Column<LockRow>>} */
const lockColumns = [
  { title: "Client", kind: "long holder", text: ({ client }) => client },
  { title: "State", kind: "word", text: ({ state }) => state },
  { title: "For", kind: "number", text: ({ millis }) => duration(millis) },
  { title: "Blocked by", kind: "long holder", text: ({ blockedBy }) => blockedBy }
]

/** @param {StatusBody["database"]} database */
const limitsOf = (database) =>
  database === null
    ? "The database monitor is not part of this program."
    : [
        database.problem,
        database.restriction,
        database.view === undefined && database.problem === undefined ? "Not observed yet." : undefined
      ]
        .filter((text) => text !== undefined)
        .join(" ")

/** @param {DatabaseView} view */
const usage = ({ counts, maxConnections, reservedConnections }) => {
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  const usable = Math.max(1, maxConnections - reservedConnections)
  return { total, usable, share: total / usable, maxConnections, reservedConnections }
}

export const makeDatabase = () => {
  const facts = makeFacts(byId("database-facts"))
  const connections = makeTable(byId("connections"), {
    caption: "Connections of the database by owner and state",
    empty: "No connections.",
    columns: ownerColumns,
    key: ({ owner }) => owner
  })
  const waits = makeTable(byId("locks"), {
    caption: "Connections that wait for a lock or are idle in a transaction",
    empty: "No connection waits.",
    columns: lockColumns,
    key: (_, index) => index
  })
  /**
   * @param {StatusBody} status
   * @param {Model} model
   */
  return ({ database }, model) => {
    const limits = limitsOf(database)
    const view = database?.view
    const observedAt = database?.observedAt
    setText(byId("database-limits"), limits)
    show(byId("database-limits"), limits !== "")
    setText(
      byId("database-observed"),
      observedAt === undefined ? "" : `observed ${age(model.serverNow() - observedAt)} ago`
    )
    show(byId("database-view"), view !== undefined)
    show(byId("database-locks"), view !== undefined && locks(view).length > 0)
    if (view === undefined) return
    const { maxConnections, reservedConnections, share, total, usable } = usage(view)
    setText(byId("connections-total"), `${count(total)} of ${count(usable)}, ${percent(share)}`)
    connections(owners(view))
    waits(locks(view))
    facts([
      ["max_connections", `${count(maxConnections)}, ${count(reservedConnections)} reserved`],
      ["In use", `${count(total)} of ${count(usable)}`, share >= CROWDED ? "warn" : undefined],
      ["Oldest of this application", aged(view.oldestOurs)],
      ["Oldest of all", aged(view.oldest)],
      ["Longest transaction", lasting(view.longestTransaction)],
      ["Longest query", lasting(view.longestQuery)],
      ["Role", view.role]
    ])
  }
}
