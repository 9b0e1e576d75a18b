import { REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { Reach } from './standstill.ts'

const LOOK_EVERY_MS = 1_000
/** One request may be lost with its connection; what was offered anew and waits still does so over something that lasts. */
const PATIENCE_MS = 2 * REQUEST_MS
const COOL_DOWN_MS = { first: 60_000, most: 600_000 }

/**
 * Whether brokers answer the work itself: what is appended, and what is fetched. Small questions may get through where
 * large records do not. A process that has given its work up has nothing left to see that by: it stays out for a
 * cool-down, for longer each time that it finds the same.
 */
export class UnansweredWork implements Reach {
  readonly name = 'unanswered'
  readonly detail = 'Kafka gives no answer to what is appended or fetched'
  readonly workedAgoMs = 0
  readonly #oldestMs: () => number
  readonly #isAway: () => boolean
  readonly #now: () => number
  /** When Kafka was last out of reach altogether: nothing could be answered then. */
  #awayMs = Number.NEGATIVE_INFINITY
  #sinceMs: number | undefined
  #outUntilMs = 0
  #coolDownMs = COOL_DOWN_MS.first

  /**
   * `oldestMs`: for how long the oldest request of the work has had no answer; 0: there is none. `isAway`: small questions
   * are not answered either, which is a cause of its own (`KafkaReach`), and over when they are.
   */
  constructor(oldestMs: () => number, isAway: () => boolean, now: () => number = monotonicMs) {
    this.#oldestMs = oldestMs
    this.#isAway = isAway
    this.#now = now
  }

  get stillMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#now() - this.#sinceMs
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.look()
      await wait(LOOK_EVERY_MS, signal)
    }
  }

  look(): void {
    const nowMs = this.#now()
    if (this.#isAway()) this.#awayMs = nowMs
    const oldestMs = Math.min(this.#oldestMs(), nowMs - this.#awayMs)
    if (oldestMs > PATIENCE_MS) {
      if (this.#sinceMs === undefined) {
        const soonAgain = this.#outUntilMs > 0 && nowMs - this.#outUntilMs < COOL_DOWN_MS.most
        this.#coolDownMs = soonAgain ? Math.min(COOL_DOWN_MS.most, this.#coolDownMs * 2) : COOL_DOWN_MS.first
        this.#sinceMs = nowMs - oldestMs
      }
      this.#outUntilMs = nowMs + this.#coolDownMs
    } else if (nowMs >= this.#outUntilMs) this.#sinceMs = undefined
  }
}
