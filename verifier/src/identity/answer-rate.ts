import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** What was seen counts half as much after so long. */
const HALF_LIFE_MS = 10_000
/** The directory fails for many when this share of look-ups fails … */
const FLAKY_SHARE = 0.05
/** … and so many different DIDs among them, lately: one that it never answers for is that one's fault. */
const FLAKY_DIDS = 4
const LATELY_MS = 30_000

/** How many of the look-ups at the directory have failed of late. */
export class AnswerRate {
  readonly #now: () => number
  #answers = 0
  #failures = 0
  #atMs: number
  /** When each of the last few DIDs that had no answer was asked for, newest last. */
  readonly #failedMs = new Map<string, number>()

  constructor(now: () => number = monotonicMs) {
    this.#now = now
    this.#atMs = now()
  }

  noteAnswer(): void {
    this.#fade()
    this.#answers++
  }

  noteFailure(did: string): void {
    this.#fade()
    this.#failures++
    this.#failedMs.delete(did)
    this.#failedMs.set(did, this.#now())
    if (this.#failedMs.size > FLAKY_DIDS) this.#failedMs.delete(this.#failedMs.keys().next().value as string)
  }

  /** Whether the directory answers some and fails for many. */
  get areFlaky(): boolean {
    if (this.#failedMs.size < FLAKY_DIDS) return false
    const [oldestMs = 0] = this.#failedMs.values()
    if (this.#now() - oldestMs > LATELY_MS) return false
    return this.#failures >= FLAKY_SHARE * (this.#answers + this.#failures)
  }

  #fade(): void {
    const nowMs = this.#now()
    const share = 0.5 ** ((nowMs - this.#atMs) / HALF_LIFE_MS)
    this.#answers *= share
    this.#failures *= share
    this.#atMs = nowMs
  }
}
