interface EpochStart {
  readonly epoch: number
  readonly offset: number
}

/** Of which epoch the last records up to some epoch are, and where they end. */
export interface EpochEnd {
  readonly epoch: number
  readonly offset: number
}

const UNKNOWN: EpochEnd = { epoch: -1, offset: -1 }

/** At which offset each leader's epoch began: what a broker knows of its log's history (KIP-101, KIP-320). */
export class EpochStarts {
  readonly #starts: EpochStart[] = []

  /** A leader of this epoch begins to write at this offset. */
  assign(epoch: number, offset: number): void {
    const last = this.#starts.at(-1)
    if (last?.epoch === epoch) return
    // Of one that wrote nothing, nothing is known.
    while ((this.#starts.at(-1)?.offset ?? -1) >= offset) this.#starts.pop()
    this.#starts.push({ epoch, offset })
  }

  /** Where the records of this epoch, or else of the newest one before it, end. `logEnd`: where the log ends. */
  endOf(epoch: number, logEnd: number): EpochEnd {
    const after = this.#starts.findIndex((start) => start.epoch > epoch)
    if (after < 0) return this.#starts.at(-1)?.epoch === epoch ? { epoch, offset: logEnd } : UNKNOWN
    const { offset } = this.#starts[after] as EpochStart
    // All that is known is younger: nothing of this epoch is left.
    return { epoch: this.#starts[after - 1]?.epoch ?? epoch, offset }
  }

  /** What stands before this offset is gone. */
  trim(offset: number): void {
    while ((this.#starts[1]?.offset ?? Number.POSITIVE_INFINITY) <= offset) this.#starts.shift()
    const [first] = this.#starts
    if (first !== undefined && first.offset < offset) this.#starts[0] = { epoch: first.epoch, offset }
  }

  /** What stands from this offset on is gone. */
  cut(offset: number): void {
    while ((this.#starts.at(-1)?.offset ?? -1) >= offset) this.#starts.pop()
  }
}
