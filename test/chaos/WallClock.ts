/** Simulates a change of the system clock. */
export class WallClock {
  private readonly real = Date.now
  private offset = 0

  /** Shifts `Date.now` by so much; 0 restores it. */
  jump(millis: number): void {
    this.offset = millis
    const { real } = this
    Date.now = millis === 0 ? real : () => real() + this.offset
  }
}
