import type { QuotaLimits } from '@bgs/database/hosts/quota-limits.ts'

const WINDOWS_MS = {
  perSecond: 1_000,
  perHour: 3_600_000,
  perDay: 86_400_000,
  otherPerHour: 3_600_000,
  uselessPerSecond: 1_000,
  slowMsPerMinute: 60_000,
} as const
const KEYS = [
  'perSecond',
  'perHour',
  'perDay',
  'otherPerHour',
  'uselessPerSecond',
  'slowMsPerMinute',
] as const

/** Buckets, each refilled evenly over its time; an event takes from all that hold for it. */
export class Quota {
  #limits: QuotaLimits
  readonly #now: () => number
  readonly #left: Record<keyof QuotaLimits, number>
  #atMs: number

  constructor(limits: QuotaLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#left = { ...limits }
    this.#atMs = now()
  }

  /** Other limits from now on: what was taken of a share stays taken, as far as the new one is larger. */
  change(limits: QuotaLimits): void {
    this.#refill()
    for (const key of KEYS) {
      const former = this.#limits[key]
      // Of an endless share all is left.
      const left = former === Number.POSITIVE_INFINITY ? limits[key] : this.#left[key]
      this.#left[key] = Math.min(limits[key], left + Math.max(0, limits[key] - former || 0))
    }
    this.#limits = limits
  }

  /**
   * Counts a frame that was read as so many events; returns the milliseconds for which no further one may be read, 0:
   * none.
   */
  take(isCommit: boolean, events = 1): number {
    this.#refill()
    this.#left.perSecond -= events
    this.#left.perHour -= events
    this.#left.perDay -= events
    if (!isCommit) this.#left.otherPerHour -= events
    return this.#missing()
  }

  /** Charges frames that brought nothing, and judging that took long; returns as `take` does. */
  charge(useless: number, slowMs: number): number {
    this.#refill()
    this.#left.uselessPerSecond -= useless
    this.#left.slowMsPerMinute -= slowMs
    return this.#missing()
  }

  /** The milliseconds from now for which no further event may be read, 0: none. */
  waitMs(): number {
    this.#refill()
    return this.#missing()
  }

  #refill(): void {
    const nowMs = this.#now()
    for (const key of KEYS) {
      const limit = this.#limits[key]
      if (limit !== Number.POSITIVE_INFINITY)
        this.#left[key] = Math.min(limit, this.#left[key] + (nowMs - this.#atMs) * (limit / WINDOWS_MS[key]))
    }
    this.#atMs = nowMs
  }

  #missing(): number {
    let waitMs = 0
    for (const key of KEYS)
      if (this.#left[key] < 0)
        waitMs = Math.max(waitMs, Math.ceil((-this.#left[key] * WINDOWS_MS[key]) / this.#limits[key]))
    return waitMs
  }
}
