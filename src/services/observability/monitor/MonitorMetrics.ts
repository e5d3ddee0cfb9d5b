/** The monitor's last result as gauges, which exist only while there is a result. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import {
  type Backend,
  type BackendState,
  countOf,
  type DatabaseView,
  type Owner,
  usableConnections,
  waitingOnLock
} from "./DatabaseView.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

const prefix = "db.client.connection.session.database"

const owners: ReadonlyArray<Owner> = ["ours", "pooler", "others"]
const states: ReadonlyArray<BackendState> = ["active", "idle", "idle in transaction", "unknown"]

const seconds = (backend: Backend | null): number => (backend?.millis ?? 0) / MILLIS_PER_SECOND

interface Series {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly attributes?: Readonly<Record<string, string>>
  readonly read: (view: DatabaseView) => number
}

const connections = owners.flatMap((owner) =>
  states.map((state): Series => ({
    name: `${prefix}.count`,
    description: "Connections of the server by owner (by application name) and state",
    unit: "{connection}",
    attributes: { owner, state },
    read: (view) => countOf(view, { owner, state })
  }))
)

const single = (name: string, unit: string, description: string, read: Series["read"]): Series => ({
  name: `${prefix}.${name}`,
  description,
  unit,
  read
})

const series: ReadonlyArray<Series> = [
  ...connections,
  single("max", "{connection}", "The server's max_connections", (view) => view.maxConnections),
  single("usable", "{connection}", "max_connections without the reserved ones", usableConnections),
  single("lock_waits", "{connection}", "Connections that wait for a lock", waitingOnLock),
  single("hidden", "{connection}", "Connections whose state the role may not see", (view) => view.hidden),
  single("oldest", "s", "Age of the oldest connection of this application", (view) => seconds(view.oldestOurs)),
  single("transaction.longest", "s", "Age of the longest transaction", (view) => seconds(view.longestTransaction)),
  single("query.longest", "s", "Age of the longest running statement", (view) => seconds(view.longestQuery))
]

/** Registers and removes the gauges of one pool's database. */
export class MonitorMetrics {
  private readonly poolName: string
  private readonly context: Context.Context<never>
  private view: DatabaseView | undefined = undefined
  private registrations: ReadonlyArray<Metric.Registration> = []

  constructor(poolName: string, context: Context.Context<never>) {
    this.poolName = poolName
    this.context = context
  }

  /** The gauges show this view from now on; without one they are removed, because old values look like new ones. */
  show(view: DatabaseView | undefined): void {
    this.view = view
    if (view === undefined) {
      for (const registration of this.registrations) registration.remove()
      this.registrations = []
    } else if (this.registrations.length === 0) {
      this.registrations = series.map((one) => this.register(one))
    }
  }

  private register({ attributes, description, name, read, unit }: Series): Metric.Registration {
    const gauge = Metric.gauge(name, {
      description,
      attributes: { ...attributes, "db.client.connection.pool.name": this.poolName, unit }
    })
    return Metric.registerUnsafe(gauge, this.context, {
      get: () => ({ value: this.view === undefined ? 0 : read(this.view) }),
      update: () => {},
      modify: () => {}
    })
  }
}
