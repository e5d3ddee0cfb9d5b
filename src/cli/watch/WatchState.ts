/** The state of the live view and how each message changes it. Pure. */
import type { StatusBody, HistoryEvent, HistoryPoint } from "../../http/StatusSchema.ts"
import { statusLine } from "../status/StatusText.ts"
import { formatMillis } from "../terminal/Quantity.ts"
import type { FeedMessage } from "./Feed.ts"

/** 15 minutes in steps of 2 s, as many as the server keeps. */
const MAX_POINTS = 450

const MAX_EVENTS = 50

/** Until `hello` arrives. */
const DEFAULT_STEP_MILLIS = 2000

/** Times are wall-clock milliseconds. */
export interface WatchState {
  readonly status: StatusBody | undefined
  readonly statusAt: number
  readonly disconnected: { readonly since: number; readonly why: string } | undefined
  readonly stepMillis: number
  /** Oldest first. */
  readonly points: ReadonlyArray<HistoryPoint>
  /** Oldest first. */
  readonly events: ReadonlyArray<HistoryEvent>
}

export const initialState: WatchState = {
  status: undefined,
  statusAt: 0,
  disconnected: undefined,
  stepMillis: DEFAULT_STEP_MILLIS,
  points: [],
  events: []
}

export const advance = (state: WatchState, message: FeedMessage, now: number): WatchState => {
  switch (message.kind) {
    case "hello": {
      const { events, history, stepMillis } = message.data
      return {
        ...state,
        disconnected: undefined,
        stepMillis,
        points: history.slice(-MAX_POINTS),
        events: events.slice(-MAX_EVENTS)
      }
    }
    case "status":
      return { ...state, disconnected: undefined, status: message.data, statusAt: now }
    case "point":
      return { ...state, points: [...state.points, message.data].slice(-MAX_POINTS) }
    case "event":
      return { ...state, events: [...state.events, message.data].slice(-MAX_EVENTS) }
    case "bye":
      return { ...state, disconnected: { since: now, why: `the program ended (${message.data.reason})` } }
    case "disconnected":
      // Later losses are failed attempts to reconnect; the first reason is the cause.
      return { ...state, disconnected: state.disconnected ?? { since: now, why: message.data.why } }
  }
}

/** The state as one line with its time (UTC), for output that is not a terminal. */
export const watchLine = ({ disconnected, status, statusAt }: WatchState, now: number): string => {
  const time = new Date(now).toISOString().replace(/\.\d+/, "")
  const last = status === undefined ? "" : statusLine(status, disconnected === undefined ? now : statusAt)
  return disconnected === undefined
    ? `${time} ${last}`
    : `${time} Not connected for ${formatMillis(now - disconnected.since)}: ${disconnected.why}. Last status: ${last}`
}
