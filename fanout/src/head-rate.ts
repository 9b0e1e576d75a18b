import type { LogReader } from '@bgs/contract/log/log.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** Noted so often, and reckoned over so many notes. */
const NOTE_EVERY_MS = 5_000
const NOTES = 12

/** How many events a second the log has grown by of late. Events are counted: seqs of a cluster's log have gaps. */
export class HeadRate {
  readonly #notes: { readonly events: number; readonly atMs: number }[] = []
  readonly #timer: NodeJS.Timeout
  readonly #unfollow: () => void
  #events = 0

  constructor(log: Pick<LogReader, 'tail'>) {
    this.#unfollow = log.tail((batch) => {
      this.#events += batch.count
    })
    this.#note()
    this.#timer = setInterval(() => this.#note(), NOTE_EVERY_MS).unref()
  }

  /** Over the last minute; with one figure behind the point. */
  readonly perSecond = (): number => {
    const [oldest] = this.#notes
    if (oldest === undefined) return 0
    const ms = Math.max(1_000, monotonicMs() - oldest.atMs)
    return Math.round(((this.#events - oldest.events) / ms) * 10_000) / 10
  }

  close(): void {
    this.#unfollow()
    clearInterval(this.#timer)
  }

  #note(): void {
    this.#notes.push({ events: this.#events, atMs: monotonicMs() })
    if (this.#notes.length > NOTES) this.#notes.shift()
  }
}
