/** Events that one host may send (protocol.md H8); beyond it is read more slowly, nothing is dropped (G2). */
export interface QuotaLimits {
  readonly perSecond: number
  readonly perHour: number
  readonly perDay: number
}

/** Limits of a host by its trust and its limit of accounts. */
export function quotaLimits(trusted: boolean, accountLimit: number): QuotaLimits {
  if (trusted) return { perSecond: 5_000, perHour: 50_000_000, perDay: 500_000_000 }
  return {
    perSecond: 50 + accountLimit / 1_000,
    perHour: 2_500 + accountLimit,
    perDay: 20_000 + 10 * accountLimit,
  }
}

const WINDOWS_MS = { perSecond: 1_000, perHour: 3_600_000, perDay: 86_400_000 } as const

/** Three buckets, each refilled evenly over its time; an event takes from all. */
export class Quota {
  readonly #limits: QuotaLimits
  readonly #now: () => number
  readonly #left: Record<keyof QuotaLimits, number>
  #atMs: number

  constructor(limits: QuotaLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#left = { ...limits }
    this.#atMs = now()
  }

  /** Counts an event that was read; returns the milliseconds for which no further one may be read, 0: none. */
  take(): number {
    const nowMs = this.#now()
    let waitMs = 0
    for (const key of ['perSecond', 'perHour', 'perDay'] as const) {
      const limit = this.#limits[key]
      const perMs = limit / WINDOWS_MS[key]
      this.#left[key] = Math.min(limit, this.#left[key] + (nowMs - this.#atMs) * perMs) - 1
      if (this.#left[key] < 0) waitMs = Math.max(waitMs, Math.ceil(-this.#left[key] / perMs))
    }
    this.#atMs = nowMs
    return waitMs
  }
}
