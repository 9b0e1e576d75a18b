import { monotonicMs } from './monotonic.ts'

/** A clock that differs by more was set, or the machine slept; less is followed. */
const STEP_MS = 1_000
/** A time of day that has stood so long is the right one. */
const BELIEVED_AFTER_MS = 3_600_000

/**
 * The time of day for what must not be done early because a clock was set for a moment, as throwing records away: goes on
 * as the monotonic clock does, and follows a step of the time of day only when that has stood for an hour. Never goes back
 * for less.
 */
export class SteadyClock {
  readonly #wall: () => number
  readonly #mono: () => number
  /** What the time of day is believed to be ahead of the monotonic clock. */
  #ahead: number
  #step: { readonly ahead: number; readonly sinceMs: number } | undefined

  /** `lastMs` is the last time that is known to have been; a time of day far from it is a step, too. */
  constructor(lastMs: number | undefined, wall: () => number = Date.now, mono: () => number = monotonicMs) {
    this.#wall = wall
    this.#mono = mono
    this.#ahead = (lastMs ?? wall()) - mono()
  }

  /** Milliseconds since 1970. */
  readonly now = (): number => {
    const monoMs = this.#mono()
    const ahead = this.#wall() - monoMs
    if (Math.abs(ahead - this.#ahead) <= STEP_MS) {
      this.#ahead = ahead
      this.#step = undefined
    } else if (this.#step === undefined || Math.abs(ahead - this.#step.ahead) > STEP_MS) {
      this.#step = { ahead, sinceMs: monoMs }
    } else if (monoMs - this.#step.sinceMs >= BELIEVED_AFTER_MS) {
      this.#ahead = ahead
      this.#step = undefined
    }
    return Math.round(monoMs + this.#ahead)
  }

  /** By how much the time of day differs from what is believed, in milliseconds. */
  get stepMs(): number {
    return Math.round(this.#wall() - this.#mono() - this.#ahead)
  }
}
