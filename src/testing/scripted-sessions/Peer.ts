/** The server of one scripted session: whether and how late it answers. */
import * as Effect from "effect/Effect"
import { GRACE_MILLIS } from "../../services/session/Cancellation.ts"
import { pause, type SessionScript } from "./Script.ts"

export class Peer {
  private readonly now: () => number
  private script: SessionScript
  private silentSince: number | undefined = undefined
  private receivedAt: number

  constructor(script: SessionScript, now: () => number) {
    this.script = script
    this.now = now
    this.receivedAt = now()
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

  /** How long an interrupted statement takes to stop; infinite when the peer is silent. */
  get settleMillis(): number {
    return this.isSilent ? Number.POSITIVE_INFINITY : (this.script.settleMillis ?? GRACE_MILLIS)
  }

  /** How long the peer takes to close the socket; infinite when it is silent. */
  get closeMillis(): number {
    return this.isSilent ? Number.POSITIVE_INFINITY : (this.script.closeMillis ?? 0)
  }

  get lastReceivedAt(): number {
    return this.script.heartbeat === true ? (this.silentSince ?? this.now()) : this.receivedAt
  }

  behave(script: SessionScript): void {
    this.script = { ...this.script, ...script }
  }

  silence(): void {
    this.silentSince ??= this.now()
  }

  received(at: number = this.now()): void {
    this.receivedAt = at
  }

  /** One round trip: true when the peer answered it within the limit. */
  answersWithin(limitMillis: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const answers = !this.isSilent && this.roundTripMillis < limitMillis
      return Effect.map(pause(answers ? this.roundTripMillis : limitMillis), () => {
        if (answers) this.received()
        return answers
      })
    })
  }

  /** The answer after a round trip; never, if the peer has become silent meanwhile. */
  delay<A, E>(answer: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const late = this.roundTripMillis > 0 ? Effect.andThen(Effect.sleep(this.roundTripMillis), answer) : answer
    return Effect.matchCauseEffect(late, {
      onFailure: (cause) => (this.isSilent ? Effect.never : Effect.failCause(cause)),
      onSuccess: (result) => (this.isSilent ? Effect.never : Effect.succeed(result))
    })
  }
}
