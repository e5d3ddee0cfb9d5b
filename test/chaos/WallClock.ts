/** The clock on the wall, which a person or a time server may set while a program runs. */
export class WallClock {
  private readonly real = Date.now
  private offset = 0

  /** Sets the clock off by so much for everybody who asks for the date; 0 puts it right. */
  jump(millis: number): void {
    this.offset = millis
    const { real } = this
    Date.now = millis === 0 ? real : () => real() + this.offset
  }
}
