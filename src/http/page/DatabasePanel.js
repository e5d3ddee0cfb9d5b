/** What PostgreSQL says of its own connections: whose they are, what is old or long, and who waits for whom. */
import { byId, setText, show } from "./Dom.js"
import { makeFacts } from "./Facts.js"
import { age, count, duration, NOTHING, percent } from "./Format.js"
import { makeTable } from "./Table.js"

/** @import { Backend, BlockedBackend, DatabaseView } from "../../services/observability/monitor/DatabaseView.ts" */
/** @import { Status } from "./Messages.ts" */
/** @import { Column } from "./Table.js" */
/** @import { Model } from "./Model.js" */

/** From this share of the usable connections on the number is marked: the usual bound of alerts. */
const CROWDED = 0.8

/** @type {Readonly<Record<string, string>>} */
const ownerWords = { ours: "this application", pooler: "the pooler", others: "others" }

/** @typedef {{ readonly owner: string, readonly counts: Readonly<Record<string, number>>, readonly waitingOnLock: number }} OwnerRow */

/**
 * @param {DatabaseView} view
 * @returns {ReadonlyArray<OwnerRow>}
 */
const owners = (view) =>
  Object.keys(ownerWords).map((owner) => {
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

/**
 * @param {string} title
 * @param {string} state
 * @returns {Column<OwnerRow>}
 */
const stateColumn = (title, state) => ({ title, kind: "number", text: ({ counts }) => count(counts[state] ?? 0) })

/** @type {ReadonlyArray<Column<OwnerRow>>} */
const ownerColumns = [
  { title: "Whose", kind: "word", text: ({ owner }) => ownerWords[owner] ?? owner },
  stateColumn("Active", "active"),
  stateColumn("Idle", "idle"),
  stateColumn("In transaction", "idle in transaction"),
  stateColumn("Not seen", "unknown"),
  { title: "Wait on lock", kind: "number", text: ({ waitingOnLock }) => count(waitingOnLock) }
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

/** @typedef {{ readonly what: string, readonly millis: number, readonly who: string, readonly behind: string }} LockRow */

/**
 * @param {DatabaseView} view
 * @returns {ReadonlyArray<LockRow>}
 */
const locks = ({ blocked, idleInTransaction }) => [
  ...blocked.map((row) => ({
    what: "waits for a lock",
    millis: row.millis,
    who: named(row),
    behind: [...row.blockers.map(named), ...(row.byPrepared ? ["a prepared transaction"] : [])].join(", ")
  })),
  ...idleInTransaction.map((row) => ({
    what: "idle in a transaction",
    millis: row.millis,
    who: named(row),
    behind: NOTHING
  }))
]

/** @type {ReadonlyArray<Column<LockRow>>} */
const lockColumns = [
  { title: "Who", kind: "long holder", text: ({ who }) => who },
  { title: "What", kind: "word", text: ({ what }) => what },
  { title: "For", kind: "number", text: ({ millis }) => duration(millis) },
  { title: "Behind", kind: "long holder", text: ({ behind }) => behind }
]

/** @param {Status["database"]} database */
const blindWords = (database) =>
  database === null
    ? "Nobody looks at the database here."
    : [
        database.trouble,
        database.blindness,
        database.view === undefined && database.trouble === undefined ? "Not looked at yet." : undefined
      ]
        .filter((text) => text !== undefined)
        .join(" ")

/** @param {DatabaseView} view */
const usage = ({ counts, maxConnections, reservedConnections }) => {
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  const usable = Math.max(1, maxConnections - reservedConnections)
  return { total, usable, share: total / usable, maxConnections, reservedConnections }
}

/** Makes a function that shows the database's side. */
export const makeDatabase = () => {
  const facts = makeFacts(byId("database-facts"))
  const connections = makeTable(byId("connections"), {
    caption: "Connections of the database by owner and state",
    empty: "No connection was seen.",
    columns: ownerColumns,
    key: ({ owner }) => owner
  })
  const waits = makeTable(byId("locks"), {
    caption: "Connections that wait for a lock or are idle in a transaction",
    empty: "Nobody is in anybody's way.",
    columns: lockColumns,
    key: (_, index) => index
  })
  /**
   * @param {Status} status
   * @param {Model} model
   */
  return ({ database }, model) => {
    const blind = blindWords(database)
    const view = database?.view
    const seenAt = database?.seenAt
    setText(byId("database-blind"), blind)
    show(byId("database-blind"), blind !== "")
    setText(byId("database-seen"), seenAt === undefined ? "" : `seen ${age(model.serverNow() - seenAt)} ago`)
    show(byId("database-view"), view !== undefined)
    show(byId("database-locks"), view !== undefined && locks(view).length > 0)
    if (view === undefined) return
    const { maxConnections, reservedConnections, share, total, usable } = usage(view)
    setText(byId("connections-total"), `${count(total)} of ${count(usable)}, ${percent(share)}`)
    connections(owners(view))
    waits(locks(view))
    facts([
      ["max_connections", `${count(maxConnections)}, ${count(reservedConnections)} reserved`],
      ["Taken", `${count(total)} of ${count(usable)}`, share >= CROWDED ? "warn" : undefined],
      ["Oldest of ours", aged(view.oldestOurs)],
      ["Oldest of all", aged(view.oldest)],
      ["Longest transaction", lasting(view.longestTransaction)],
      ["Longest query", lasting(view.longestQuery)],
      ["Seen as", view.role]
    ])
  }
}
