/** All workloads, in the order of the report. */
import type { Workload } from "../Workload.ts"
import { bursts } from "./Burst.ts"
import { code } from "./Code.ts"
import { connects } from "./Connect.ts"
import { idles } from "./Idle.ts"
import { leases } from "./Lease.ts"
import { sessions, waiting } from "./Sessions.ts"
import { starts } from "./Start.ts"
import { throughputs } from "./Throughput.ts"

export const workloads: ReadonlyArray<Workload> = [
  ...throughputs,
  code,
  leases,
  bursts,
  sessions,
  waiting,
  connects,
  starts,
  idles
]
