import type { Pack } from '@bgs/contract/log/pack.ts'

/**
 * The newest packs of the log in memory, shared by all subscribers and bounded in bytes (invariant 15). Whoever lies
 * behind it reads from the log.
 */
export class Window {
  bytes = 0
  readonly #maxBytes: number
  #packs: Pack[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(pack: Pack): void {
    this.#packs.push(pack)
    this.bytes += pack.bytes.length
    let drop = 0
    while (this.bytes > this.#maxBytes && drop < this.#packs.length - 1) {
      this.bytes -= (this.#packs[drop] as Pack).bytes.length
      drop++
    }
    if (drop > 0) this.#packs.splice(0, drop)
  }

  /** Forgets what it holds: the packs that come next do not follow it. */
  clear(): void {
    this.#packs = []
    this.bytes = 0
  }

  /** The pack that holds `seq`, or the first behind it; undefined where the window begins later, or nothing is there. */
  find(seq: number): Pack | undefined {
    const first = this.#packs[0]
    if (first === undefined || seq < first.firstSeq) return undefined
    const last = this.#packs.at(-1) as Pack
    if (seq > last.lastSeq) return undefined
    // Those who follow the head ask for the newest.
    if (seq >= last.firstSeq) return last
    let low = 0
    let high = this.#packs.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#packs[middle] as Pack).lastSeq < seq) low = middle + 1
      else high = middle
    }
    return this.#packs[low]
  }
}
