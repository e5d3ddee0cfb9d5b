/**
 * How many sessions a pool should have: from the size of an agent, its concurrent operations, or explicit numbers.
 *
 * Everything here is pure.
 */

/** Agents by their concurrent operations: small 1 to 5, medium up to 15, large above. */
export type AgentSize = "small" | "medium" | "large"

/** Supabase's compute sizes. */
export type Tier = "nano" | "micro" | "small" | "medium" | "large" | "xl" | "2xl" | "4xl" | "8xl" | "12xl" | "16xl"

/** The limits of a compute size. */
export interface TierLimits {
  readonly tier: Tier
  /** PostgreSQL's `max_connections`. */
  readonly maxConnections: number
  /** Clients of the pooler in transaction mode; it does not bound sessions. */
  readonly poolerMaxClients: number
  /** The pooler's default pool size: sessions for each role and database. */
  readonly defaultPoolSize: number
}

/** Numbers for a pool, how they were derived, and conflicts with other limits. */
export interface Sizing {
  readonly min: number
  readonly max: number
  readonly reasoning: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

/** The input of a sizing; everything is optional. */
export interface SizingInput {
  readonly agentSize?: AgentSize | undefined
  readonly concurrentOperations?: number | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Sessions the pooler grants to the role; default: the tier's pool size, or 15. */
  readonly poolerSize?: number | undefined
  readonly tier?: Tier | undefined
  /** Processes that each open such a pool; default 1. */
  readonly processes?: number | undefined
}

/** Sessions that a pooler grants to each role and database unless set otherwise (Supavisor 2.9 source, tenant.ex). */
export const defaultPoolerSize = 15

const limits = (tier: Tier, maxConnections: number, poolerMaxClients: number, defaultPoolSize: number): TierLimits => ({
  tier,
  maxConnections,
  poolerMaxClients,
  defaultPoolSize
})

/**
 * Supabase's compute sizes, smallest first.
 *
 * Sources: Supabase docs, guides/platform/compute-and-disk (connections and clients); supabase/supabase,
 * ConnectionPooling.constants.ts (pool sizes).
 */
export const tiers: ReadonlyArray<TierLimits> = [
  limits("nano", 60, 200, 15),
  limits("micro", 60, 200, 15),
  limits("small", 90, 400, 15),
  limits("medium", 120, 600, 15),
  limits("large", 160, 800, 20),
  limits("xl", 240, 1000, 20),
  limits("2xl", 380, 1500, 25),
  limits("4xl", 480, 3000, 32),
  limits("8xl", 490, 6000, 64),
  limits("12xl", 500, 9000, 96),
  limits("16xl", 500, 12_000, 128)
]

/** `mostOperations` are the most operations of a class; an edge belongs to the smaller class. */
const classes = {
  small: { min: 2, max: 5, operations: "1 to 5", mostOperations: 5 },
  medium: { min: 5, max: 15, operations: "5 to 15", mostOperations: 15 },
  large: { min: 10, max: 30, operations: "15 to 30", mostOperations: 30 }
}

/** One spare session for each five operations, rounded up: the buffer of 20 %, without the inexact 1.2. */
const OPERATIONS_PER_SPARE = 5

/** An upper limit for inputs such as Infinity: far above any pool, and exact as an integer. */
const MOST_OPERATIONS = 1_000_000

type Derived = Omit<Sizing, "reasoning"> & { readonly reasoning: string }

const sizeOf = (operations: number): AgentSize => {
  if (operations <= classes.small.mostOperations) return "small"
  return operations <= classes.medium.mostOperations ? "medium" : "large"
}

const fromAgent = (size: AgentSize): Derived => {
  const { max, min, operations } = classes[size]
  const reasoning = `A ${size} agent (${operations} concurrent operations) gets min ${min} and max ${max}.`
  return { min, max, reasoning, warnings: [] }
}

const toOperations = (operations: number): number => {
  if (Number.isNaN(operations)) return 1
  return Math.min(Math.max(Math.ceil(operations), 1), MOST_OPERATIONS)
}

const fromOperations = (given: number): Derived => {
  const operations = toOperations(given)
  const max = operations + Math.ceil(operations / OPERATIONS_PER_SPARE)
  const size = sizeOf(operations)
  const min = Math.min(classes[size].min, max)
  return {
    min,
    max,
    reasoning:
      `${operations} concurrent operations and a buffer of 20 % give max ${max}; ` +
      `min ${min} is that of a ${size} agent.`,
    warnings: operations === given ? [] : [`${given} concurrent operations were counted as ${operations}.`]
  }
}

const derive = (input: SizingInput): Derived =>
  input.concurrentOperations === undefined
    ? fromAgent(input.agentSize ?? "small")
    : fromOperations(input.concurrentOperations)

const explicitReasoning = (input: SizingInput, min: number, max: number): ReadonlyArray<string> => {
  const sentences: Array<string> = []
  if (input.max !== undefined) sentences.push(`max ${max} was set explicitly.`)
  else if (input.min !== undefined) sentences.push(`max ${max} is derived, and no less than the explicit min.`)
  if (input.min !== undefined) sentences.push(`min ${min} was set explicitly.`)
  else if (input.max !== undefined) sentences.push(`min ${min} is derived, and no more than the explicit max.`)
  return sentences
}

const grantOf = (input: SizingInput): { readonly sessions: number; readonly origin: string } => {
  if (input.poolerSize !== undefined) return { sessions: input.poolerSize, origin: "its configured pool size" }
  const tier = tiers.find((candidate) => candidate.tier === input.tier)
  return tier === undefined
    ? { sessions: defaultPoolerSize, origin: "its default pool size" }
    : { sessions: tier.defaultPoolSize, origin: `its default pool size on the ${tier.tier} compute size` }
}

const capacityWarnings = (input: SizingInput, min: number, max: number): ReadonlyArray<string> => {
  const { origin, sessions } = grantOf(input)
  const processes = Math.max(input.processes ?? 1, 1)
  const warnings: Array<string> = []
  const total = max * processes
  const product = processes === 1 ? `max ${max}` : `max ${max} in ${processes} processes, ${total} sessions in all,`
  if (total > sessions) {
    const fitting = Math.floor(sessions / processes)
    warnings.push(
      `${product} is more than the ${sessions} sessions the pooler grants to one role (${origin}): the rest will be ` +
        `refused. ${fitting < 1 ? `Run at most ${sessions} processes` : `Set max to ${fitting} or less`}, ` +
        "or raise the pool size in the dashboard."
    )
  }
  if (min * processes > sessions) {
    const least = min * processes
    warnings.push(`Even min ${min} in every process, ${least} sessions in all, is more than the pooler grants.`)
  }
  const tier = tiers.find((candidate) => candidate.tier === input.tier)
  if (tier !== undefined && total > tier.maxConnections) {
    warnings.push(`${product} is more than the ${tier.maxConnections} connections of the ${tier.tier} compute size.`)
  }
  return warnings
}

/**
 * Determines min and max: explicit numbers win, then concurrent operations, then the agent's size, which is small unless
 * given.
 *
 * A derived number is adapted to an explicit one, so that min is above max only when both were set so; that is a
 * warning here and an error in the settings. Numbers are sessions per process; the warnings multiply them by
 * `processes` and compare them with the pooler's limit.
 */
export const resolve = (input: SizingInput): Sizing => {
  const derived = derive(input)
  const max = input.max ?? Math.max(derived.max, input.min ?? 0)
  const min = input.min ?? Math.min(derived.min, max)
  const isExplicit = input.min !== undefined && input.max !== undefined
  const contradiction = min > max ? [`min ${min} is above max ${max}.`] : []
  return {
    min,
    max,
    reasoning: [...(isExplicit ? [] : [derived.reasoning]), ...explicitReasoning(input, min, max)],
    warnings: [...(isExplicit ? [] : derived.warnings), ...contradiction, ...capacityWarnings(input, min, max)]
  }
}

/** The min and max of an agent size: small 2 and 5, medium 5 and 15, large 10 and 30. */
export const forAgent = (size: AgentSize): Sizing => resolve({ agentSize: size })

/**
 * The min and max for a number of operations at a time: max is the operations and a buffer of 20 %, rounded up; min
 * is that of their size class (an edge belongs to the smaller class), and never above max.
 *
 * Fractions are rounded up, and anything below 1 counts as 1, with a warning.
 */
export const forOperations = (operations: number): Sizing => resolve({ concurrentOperations: operations })
