import type { HostRow } from '@bgs/shared/hosts/host-rows.ts'

/** Events that one host may send (protocol.md H8); beyond it is read more slowly, nothing is dropped (G2). */
export interface QuotaLimits {
  readonly perSecond: number
  readonly perHour: number
  readonly perDay: number
  /** Of them such as are no commits: each costs every consumer a look at a document, or more (3.6). */
  readonly otherPerHour: number
}

const UNLIMITED: QuotaLimits = {
  perSecond: Number.POSITIVE_INFINITY,
  perHour: Number.POSITIVE_INFINITY,
  perDay: Number.POSITIVE_INFINITY,
  otherPerHour: Number.POSITIVE_INFINITY,
}

/**
 * Limits of a host: by its trust and how many accounts it may have (H8), but where an operator has set one. On one's own
 * machine (`allowPrivate`) nobody is to be protected from anybody: only what an operator has set counts.
 */
export function quotaLimits(row: HostRow, allowPrivate: boolean): QuotaLimits {
  const accounts = Number(row.account_limit)
  const usual: QuotaLimits = allowPrivate
    ? UNLIMITED
    : Number(row.trusted) === 1
      ? { perSecond: 5_000, perHour: 50_000_000, perDay: 500_000_000, otherPerHour: 25_000_000 }
      : {
          perSecond: 50 + accounts / 1_000,
          perHour: 2_500 + accounts,
          perDay: 20_000 + 10 * accounts,
          otherPerHour: 1_000 + accounts,
        }
  const { events_per_second: second, events_per_hour: hour, events_per_day: day } = row
  return {
    perSecond: second === null ? usual.perSecond : Number(second),
    perHour: hour === null ? usual.perHour : Number(hour),
    perDay: day === null ? usual.perDay : Number(day),
    otherPerHour: hour === null ? usual.otherPerHour : Number(hour),
  }
}

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
