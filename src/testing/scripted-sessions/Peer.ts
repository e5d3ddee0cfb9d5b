/** The server behind one scripted session: when it was heard of, and whether and how late it answers. */
import * as Effect from "effect/Effect"
import { pause, type SessionScript } from "./Script.ts"

/** How long an interrupted statement takes to stop: the grace a real session gives it before it sends a cancel. */
const SETTLE_MILLIS = 10

export class Peer {
  private readonly now: () => number
  private script: SessionScript
  private silentSince: number | undefined = undefined
  private heard: number

  constructor(script: SessionScript, now: () => number) {
    this.script = script
    this.now = now
    this.heard = now()
  }

  get isSilent(): boolean {
    return this.silentSince !== undefined
  }

  get recovers(): boolean {
    return this.script.recovers !== false
  }

  get roundTripMillis(): number {
    return this.script.roundTripMillis ?? 0
  }

  /** How long an interrupted statement takes to stop; without end when the peer is silent. */
  get settleMillis(): number {
    return this.isSilent ? Number.POSITIVE_INFINITY : (this.script.settleMillis ?? SETTLE_MILLIS)
  }

  /** How long the peer takes to hang up; without end when it is silent. */
  get closeMillis(): number {
    return this.isSilent ? Number.POSITIVE_INFINITY : (this.script.closeMillis ?? 0)
  }

  get lastReceivedAt(): number {
    return this.script.heartbeat === true ? (this.silentSince ?? this.now()) : this.heard
  }

  behave(script: SessionScript): void {
    this.script = { ...this.script, ...script }
  }

  silence(): void {
    this.silentSince ??= this.now()
  }

  hear(at: number = this.now()): void {
    this.heard = at
  }

  /** One round trip: true when the peer answered it within the limit. */
  answersWithin(limitMillis: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const answers = !this.isSilent && this.roundTripMillis < limitMillis
      return Effect.map(pause(answers ? this.roundTripMillis : limitMillis), () => {
        if (answers) this.hear()
        return answers
      })
    })
  }

  /** The same answer as late as the peer gives it; never, if it fell silent meanwhile. */
  delay<A, E>(answer: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const late = this.roundTripMillis > 0 ? Effect.andThen(Effect.sleep(this.roundTripMillis), answer) : answer
    return Effect.matchCauseEffect(late, {
      onFailure: (cause) => (this.isSilent ? Effect.never : Effect.failCause(cause)),
      onSuccess: (result) => (this.isSilent ? Effect.never : Effect.succeed(result))
    })
  }
}
