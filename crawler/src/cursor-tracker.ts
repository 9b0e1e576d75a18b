/** One frame of a host on its way: the token under which the bus reports it safe. */
export interface InFlight {
  readonly tracker: Pick<CursorTracker, 'finish'>
  readonly seq: number
  readonly bytes: number
  done: boolean
}

/**
 * The seqs of one host and epoch that are on their way, and the highest one all of whose predecessors are done: what
 * may be saved as the host's cursor (protocol.md Q9).
 */
export class CursorTracker {
  /** Null until the first frame is done. */
  lowWater: number | null
  bytes = 0
  #queue: InFlight[] = []
  #head = 0
  readonly #onDone: () => void

  /** `onDone` is called whenever bytes were given back. */
  constructor(cursor: number | null, onDone: () => void) {
    this.lowWater = cursor
    this.#onDone = onDone
  }

  get count(): number {
    return this.#queue.length - this.#head
  }

  /** A frame sets out. Seqs must rise. */
  begin(seq: number, bytes: number): InFlight {
    const token = { tracker: this, seq, bytes, done: false }
    this.#queue.push(token)
    this.bytes += bytes
    return token
  }

  /** A frame is safe, or rejected for good. */
  finish(token: InFlight): void {
    token.done = true
    this.bytes -= token.bytes
    while (this.#head < this.#queue.length && (this.#queue[this.#head] as InFlight).done) {
      this.lowWater = (this.#queue[this.#head] as InFlight).seq
      this.#head++
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    this.#onDone()
  }

  /** A seq that has no frame on its way: rejected at the first look, or stepped over. */
  pass(seq: number): void {
    this.finish(this.begin(seq, 0))
  }
}
