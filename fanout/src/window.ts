import type { LogBatch } from '@bgs/contract/log/log-batch.ts'

/**
 * The newest batches of the log in memory, shared by all subscribers and bounded in bytes (invariant 15). Whoever lies
 * behind it reads from the log.
 */
export class Window {
  bytes = 0
  readonly #maxBytes: number
  #batches: LogBatch[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(batch: LogBatch): void {
    this.#batches.push(batch)
    this.bytes += batch.bytes.length
    let drop = 0
    while (this.bytes > this.#maxBytes && drop < this.#batches.length - 1) {
      this.bytes -= (this.#batches[drop] as LogBatch).bytes.length
      drop++
    }
    if (drop > 0) this.#batches.splice(0, drop)
  }

  /** Forgets what it holds: the batches that come next do not follow it. */
  clear(): void {
    this.#batches = []
    this.bytes = 0
  }

  /** The batch that holds `seq`, or the first behind it; undefined where the window begins later, or nothing is there. */
  find(seq: number): LogBatch | undefined {
    const first = this.#batches[0]
    if (first === undefined || seq < first.firstSeq) return undefined
    const last = this.#batches.at(-1) as LogBatch
    if (seq > last.lastSeq) return undefined
    // Those who follow the head ask for the newest.
    if (seq >= last.firstSeq) return last
    let low = 0
    let high = this.#batches.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as LogBatch).lastSeq < seq) low = middle + 1
      else high = middle
    }
    return this.#batches[low]
  }
}
