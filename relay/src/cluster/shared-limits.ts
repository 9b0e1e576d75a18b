import { type CallLimits, LIMITS, LocalLimits } from '@bgs/api/http/call-limits.ts'
import { XrpcError } from '@bgs/api/http/xrpc-error.ts'
import type { Redis } from 'ioredis'

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
