import { RateLimit } from './rate-limit.ts'

/** How often somebody may ask for a crawl (protocol.md H6), and for a page. */
export const LIMITS = {
  address: { perMinute: 60, burst: 60 },
  host: { perMinute: 6, burst: 10 },
  page: { perMinute: 300, burst: 300 },
} as const

/** Counts calls by what they come from, or are about. Throws RateLimitExceeded. */
export interface CallLimits {
  take(kind: keyof typeof LIMITS, caller: string): Promise<void>
}

/** Limits of this process alone. */
export class LocalLimits implements CallLimits {
  readonly #limits = {
    address: new RateLimit(LIMITS.address),
    host: new RateLimit(LIMITS.host),
    page: new RateLimit(LIMITS.page),
  }

  async take(kind: keyof typeof LIMITS, caller: string): Promise<void> {
    this.#limits[kind].take(caller)
  }
}
