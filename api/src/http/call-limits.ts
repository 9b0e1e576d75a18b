import type { Redis } from 'ioredis'
import { RateLimit } from './rate-limit.ts'
import { XrpcError } from './xrpc-error.ts'

/** How often somebody may ask for a crawl (protocol.md H6), and for a page. */
const LIMITS = {
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

/**
 * Counts in the current minute, and how many seconds of it are left. Redis keeps the time of its end by the wall clock of
 * its machine: one that was set back would make the minute longer.
 */
const COUNT = `local count = redis.call('INCR', KEYS[1])
local left = redis.call('TTL', KEYS[1])
if left < 0 or left > 60 then
  redis.call('EXPIRE', KEYS[1], 60)
  left = 60
end
return { count, left }`

/** Limits that all nodes share; those of this process alone while Redis is away. */
export class SharedLimits implements CallLimits {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #local = new LocalLimits()

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis
    this.#prefix = `${prefix}limit:`
  }

  async take(kind: keyof typeof LIMITS, caller: string): Promise<void> {
    let count: number
    let seconds: number
    try {
      const answer = await this.#redis.eval(COUNT, 1, `${this.#prefix}${kind}:${caller}`)
      ;[count, seconds] = answer as [number, number]
    } catch {
      return this.#local.take(kind, caller)
    }
    if (count <= LIMITS[kind].burst) return
    throw new XrpcError(429, 'RateLimitExceeded', 'too many requests', {
      'retry-after': String(Math.max(1, seconds)),
    })
  }
}
