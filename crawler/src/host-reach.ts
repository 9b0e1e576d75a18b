import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** Fewer hosts than this say nothing of this process's way to them: they may be down themselves. */
const LEAST_HOSTS = 3
/** Stands still where none of them can be reached for so long. */
const PATIENCE_MS = 60_000
/** It then stays out for so long, and for twice as long each time that it finds the same again. */
const COOL_DOWN_MS = { first: 60_000, most: 600_000 }

/** The hosts that a crawler crawls now. */
export interface HostsNow {
  /** How many of them have been tried or are being tried. */
  readonly tried: number
  /** Whether one of them is connected, or has answered since the last look. */
  readonly isReached: boolean
}

/**
 * Whether a crawler reaches hosts at all: where of several none can be reached (their names, or their addresses), it is
 * more likely this process's way out than all of them. One that has given up its hosts has nothing left to see by
 * whether they can be reached again: it stays out for a cool-down, so that it does not take and lose hosts in turns.
 */
export class HostReach {
  readonly name = 'hosts'
  readonly detail = 'no host can be reached'
  readonly #now: () => number
  #sinceMs: number
  #reachedMs: number
  #outUntilMs: number | undefined
  #coolDownMs = COOL_DOWN_MS.first

  constructor(now: () => number = monotonicMs) {
    this.#now = now
    this.#sinceMs = now()
    this.#reachedMs = now()
  }

  /** Takes in what is to be seen of the hosts now; to be called every few seconds at least. */
  note({ tried, isReached }: HostsNow): void {
    const nowMs = this.#now()
    if (isReached) {
      this.#reachedMs = nowMs
      this.#outUntilMs = undefined
      this.#coolDownMs = COOL_DOWN_MS.first
    }
    if (isReached || (tried < LEAST_HOSTS && !this.isStill)) {
      this.#sinceMs = nowMs
      // Who has not tried yet is trusted, but for one that stood still and has reached nobody since.
      if (this.#coolDownMs === COOL_DOWN_MS.first) this.#reachedMs = nowMs
      return
    }
    if (!this.isStill || tried > 0) return
    this.#outUntilMs ??= nowMs + this.#coolDownMs
    if (nowMs < this.#outUntilMs) return
    // It takes part again, and sees.
    this.#outUntilMs = undefined
    this.#coolDownMs = Math.min(COOL_DOWN_MS.most, this.#coolDownMs * 2)
    this.#sinceMs = nowMs
  }

  get isStill(): boolean {
    return this.#now() - this.#sinceMs > PATIENCE_MS
  }

  /** For how long none could be reached while it stands still over it, in milliseconds; else 0. */
  get stillMs(): number {
    return this.isStill ? this.#now() - this.#sinceMs : 0
  }

  /** How long ago one was reached, or too few were there to say. */
  get workedAgoMs(): number {
    return this.#now() - this.#reachedMs
  }
}
