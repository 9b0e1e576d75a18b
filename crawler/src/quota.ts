import type { QuotaLimits } from '@bgs/shared/hosts/quota-limits.ts'

const WINDOWS_MS = {
  perSecond: 1_000,
  perHour: 3_600_000,
  perDay: 86_400_000,
  otherPerHour: 3_600_000,
} as const

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

  /** Other limits from now on; what is left of a share stays left, up to the new one. */
  change(limits: QuotaLimits): void {
    for (const key of Object.keys(WINDOWS_MS) as (keyof QuotaLimits)[]) {
      // Of an endless share all is left.
      this.#left[key] = Math.min(
        limits[key],
        this.#limits[key] === Number.POSITIVE_INFINITY ? limits[key] : this.#left[key],
      )
    }
    this.#limits = limits
  }

  /** Counts an event that was read; returns the milliseconds for which no further one may be read, 0: none. */
  take(isCommit: boolean): number {
    const nowMs = this.#now()
    let waitMs = 0
    for (const key of ['perSecond', 'perHour', 'perDay', 'otherPerHour'] as const) {
      const limit = this.#limits[key]
      if (limit === Number.POSITIVE_INFINITY) continue
      const perMs = limit / WINDOWS_MS[key]
      const taken = isCommit && key === 'otherPerHour' ? 0 : 1
      this.#left[key] = Math.min(limit, this.#left[key] + (nowMs - this.#atMs) * perMs) - taken
      if (this.#left[key] < 0) waitMs = Math.max(waitMs, Math.ceil(-this.#left[key] / perMs))
    }
    this.#atMs = nowMs
    return waitMs
  }
}
