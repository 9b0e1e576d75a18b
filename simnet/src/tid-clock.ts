import { TID } from '@atproto/common'

/** Milliseconds since 1970; replaceable so that runs can be repeated and revs can lie in the future or the past. */
export type Now = () => number

/**
 * Makes TIDs (record keys and revs) that strictly rise per clock, even when `now` stands still or goes back.
 * One clock per account: a repo's revs must rise whichever host it lives on.
 */
export class TidClock {
  private lastMicros = 0
  private readonly now: Now
  private readonly clockId: number

  constructor(now: Now = Date.now, clockId = 0) {
    this.now = now
    this.clockId = clockId & 0x3ff
  }

  next(): string {
    this.lastMicros = Math.max(this.lastMicros + 1, Math.floor(this.now()) * 1000)
    return TID.fromTime(this.lastMicros, this.clockId).toString()
  }
}

/** A TID of a chosen instant, for revs that a repo's own clock would never give. */
export function tidAt(millis: number, clockId = 0): string {
  return TID.fromTime(Math.floor(millis) * 1000, clockId & 0x3ff).toString()
}
