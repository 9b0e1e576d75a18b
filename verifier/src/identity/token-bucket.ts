/** A budget that refills evenly (protocol.md D9): `rate` tokens a second, `burst` at most. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  readonly #now: () => number
  #tokens: number
  #atMs: number

  constructor(rate: number, burst: number, now: () => number) {
    this.#rate = rate
    this.#burst = burst
    this.#now = now
    this.#tokens = burst
    this.#atMs = now()
  }

  /** Takes a token if there is one. */
  take(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Tokens that are left. */
  get left(): number {
    this.#refill()
    return this.#tokens
  }

  /** Milliseconds until there will be a token. */
  waitMs(): number {
    this.#refill()
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate) * 1_000)
  }

  #refill(): void {
    const nowMs = this.#now()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#rate)
    this.#atMs = nowMs
  }
}
