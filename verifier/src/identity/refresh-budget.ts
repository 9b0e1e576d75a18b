import { TokenBucket } from './token-bucket.ts'

/** A document is fetched anew for the same cause once in so long (protocol.md C8, I2). */
const ONCE_A_MINUTE: readonly number[] = [60_000]
/**
 * For signatures the first few pauses are shorter: after a restart a host offers again what a rotated account signed
 * with its former key, and its new commits wait behind that.
 */
export const SIGNATURE_PAUSES_MS: readonly number[] = [1_000, 5_000, 20_000, 60_000]
/** A cause that was quiet for so long begins anew. */
const FORGET_MS = 600_000
/** Refreshes a second that one host's frames may cause, and at once after a quiet time. */
const HOST_RATE = 50
const HOST_BURST = 500
/** Causes remembered; beyond it the oldest are forgotten, and their hosts' buckets bound what that can cost. */
const MAX_CAUSES = 100_000

/**
 * Budgets of forced refetches (C8, G5, I2): pauses for each DID and cause, and a bucket for each host whose
 * frames cause them, so that nobody can turn this relay against the PLC directory.
 */
export class RefreshBudget {
  readonly #now: () => number
  readonly #last = new Map<string, { atMs: number; times: number }>()
  readonly #hosts = new Map<string, TokenBucket>()
  /** Refreshes that a host's bucket, or the pause of a cause, did not let through. */
  denied = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Takes from the budget if there is any; `cause` names what may happen again only after a pause, `pauses` how long
   * after the first time, the second, and so on.
   */
  take(host: string, cause: string, pauses = ONCE_A_MINUTE): boolean {
    if (this.waitMs(host, cause, pauses) === 0 && this.#take(host, cause)) return true
    this.denied++
    return false
  }

  /** Milliseconds until `take` may succeed. */
  waitMs(host: string, cause: string, pauses = ONCE_A_MINUTE): number {
    const last = this.#last.get(cause)
    const pause = last === undefined ? 0 : (pauses[Math.min(last.times, pauses.length) - 1] ?? 0)
    const again = last === undefined ? 0 : Math.max(0, last.atMs + pause - this.#now())
    return Math.max(again, this.#bucket(host).waitMs())
  }

  /** Causes remembered, for their pauses. */
  get causes(): number {
    return this.#last.size
  }

  /** Takes from the host's bucket alone, for events that are their own cause. */
  takeHost(host: string): boolean {
    if (this.#bucket(host).take()) return true
    this.denied++
    return false
  }

  hostWaitMs(host: string): number {
    return this.#bucket(host).waitMs()
  }

  #take(host: string, cause: string): boolean {
    if (!this.#bucket(host).take()) return false
    const atMs = this.#now()
    const last = this.#last.get(cause)
    const times = last === undefined || atMs - last.atMs > FORGET_MS ? 0 : last.times
    this.#last.delete(cause)
    this.#last.set(cause, { atMs, times: times + 1 })
    if (this.#last.size > MAX_CAUSES) this.#last.delete(this.#last.keys().next().value as string)
    return true
  }

  #bucket(host: string): TokenBucket {
    let bucket = this.#hosts.get(host)
    if (bucket === undefined) {
      bucket = new TokenBucket(HOST_RATE, HOST_BURST, this.#now)
      this.#hosts.set(host, bucket)
      if (this.#hosts.size > MAX_CAUSES) this.#hosts.delete(this.#hosts.keys().next().value as string)
    }
    return bucket
  }
}
