import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { XrpcError } from './xrpc-error.ts'

/** Callers remembered; beyond it the oldest start anew. */
const MAX_CALLERS = 50_000

/** A token bucket for each caller; answers 429 with Retry-After when it is empty. */
export class RateLimit {
  readonly #perMs: number
  readonly #burst: number
  readonly #now: () => number
  readonly #buckets = new Map<string, { left: number; atMs: number }>()

  /** `now` never goes back: a budget must not wait for a wall clock that was set back. */
  constructor(limits: { perMinute: number; burst: number }, now: () => number = monotonicMs) {
    this.#perMs = limits.perMinute / 60_000
    this.#burst = limits.burst
    this.#now = now
  }

  /** Counts a call. Throws RateLimitExceeded. */
  take(caller: string): void {
    const nowMs = this.#now()
    const bucket = this.#buckets.get(caller) ?? { left: this.#burst, atMs: nowMs }
    this.#buckets.delete(caller)
    this.#buckets.set(caller, bucket)
    if (this.#buckets.size > MAX_CALLERS) this.#buckets.delete(this.#buckets.keys().next().value as string)
    bucket.left = Math.min(this.#burst, bucket.left + (nowMs - bucket.atMs) * this.#perMs)
    bucket.atMs = nowMs
    if (bucket.left < 1) {
      const seconds = Math.ceil((1 - bucket.left) / this.#perMs / 1_000)
      throw new XrpcError(429, 'RateLimitExceeded', 'too many requests', { 'retry-after': String(seconds) })
    }
    bucket.left--
  }
}
