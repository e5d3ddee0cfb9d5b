/** All that the live view knows, and how each message changes it; pure. */
import type { StatusBody } from "../status/StatusBody.ts"
import type { FeedMessage, Point, ShownEvent } from "./FeedMessage.ts"

/** A quarter of an hour of steps of 2 s, as much as the server keeps. */
const MOST_POINTS = 450

/** As many as the server keeps. */
const MOST_EVENTS = 50

/** Until the server says otherwise. */
const USUAL_STEP_MILLIS = 2000

/** Instants are wall-clock milliseconds. */
export interface WatchState {
  readonly status: StatusBody | undefined
  /** When the status came. */
  readonly statusAt: number
  /** Since when the stream is lost, and why; undefined while it stands. */
  readonly lost: { readonly since: number; readonly why: string } | undefined
  readonly stepMillis: number
  /** Oldest first. */
  readonly points: ReadonlyArray<Point>
  /** Oldest first. */
  readonly events: ReadonlyArray<ShownEvent>
}

export const initialState: WatchState = {
  status: undefined,
  statusAt: 0,
  lost: undefined,
  stepMillis: USUAL_STEP_MILLIS,
  points: [],
  events: []
}

/** The state after a message that came at `now`. */
export const advance = (state: WatchState, message: FeedMessage, now: number): WatchState => {
  switch (message.kind) {
    case "hello": {
      const { events, history, stepMillis } = message.data
      return {
        ...state,
        lost: undefined,
        stepMillis,
        points: history.slice(-MOST_POINTS),
        events: events.slice(-MOST_EVENTS)
      }
    }
    case "status":
      return { ...state, lost: undefined, status: message.data, statusAt: now }
    case "point":
      return { ...state, points: [...state.points, message.data].slice(-MOST_POINTS) }
    case "event":
      return { ...state, events: [...state.events, message.data].slice(-MOST_EVENTS) }
    case "bye":
      return { ...state, lost: { since: now, why: `the program ended (${message.data.reason})` } }
    case "lost":
      // the first reason is the true one: what follows are attempts to get back
      return { ...state, lost: state.lost ?? { since: now, why: message.data.why } }
  }
}
