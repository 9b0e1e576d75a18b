import { type EpochEnd, EpochStarts } from './epoch-starts.ts'
import { Segments } from './segments.ts'
import { type StoredBatch, stampBatch } from './stored-batch.ts'

/** The records of one partition: offsets rise by one from record to record, whatever becomes of those before. */
export class PartitionLog {
  /** First retained offset, and the one behind the last record. */
  start = 0
  end = 0
  #batches: StoredBatch[] = []
  readonly #epochs = new EpochStarts()
  readonly #segments = new Segments()

  /** Of its segment files. */
  get bytes(): number {
    return this.#segments.bytes
  }

  /** A leader of this epoch begins to write. */
  beginEpoch(epoch: number): void {
    this.#epochs.assign(epoch, this.end)
  }

  epochEnd(epoch: number): EpochEnd {
    return this.#epochs.endOf(epoch, this.end)
  }

  /** Returns the offset of the first record. */
  append(given: Buffer, epoch: number, segmentBytes: number): number {
    const batch = stampBatch(given, this.end, epoch)
    this.#epochs.assign(epoch, batch.base)
    this.#segments.append(batch.base, batch.bytes.length, segmentBytes)
    this.#batches.push(batch)
    this.end = batch.end
    return batch.base
  }

  /**
   * Batches from the one that holds an offset up to another: whole ones but for the last, which is cut off at the limit.
   * Where the first is larger than that, it is given whole if `wholeFirst`, else nothing (KIP-74).
   */
  read(offset: number, upTo: number, maxBytes: number, wholeFirst: boolean): Buffer[] {
    let at = this.#find(offset)
    const first = this.#batches[at]
    if (first === undefined || first.end > upTo) return []
    if (first.bytes.length > maxBytes) return wholeFirst ? [first.bytes] : []
    const parts: Buffer[] = []
    for (let left = maxBytes; left > 0; at++) {
      const batch = this.#batches[at]
      if (batch === undefined || batch.end > upTo) break
      parts.push(batch.bytes.subarray(0, left))
      left -= batch.bytes.length
    }
    return parts
  }

  /** Batches from an offset on, whole, as they are kept: for a check of what became of them. */
  from(offset: number): readonly Buffer[] {
    return this.#batches.slice(this.#find(offset)).map(({ bytes }) => bytes)
  }

  /** Begins at this offset from now on. */
  trim(offset: number): void {
    this.start = offset
    this.#batches = this.#batches.slice(this.#find(offset))
    this.#epochs.trim(offset)
    this.#segments.trim(offset)
  }

  /** Where batches begin from an offset on, and the end. */
  boundaries(offset: number): number[] {
    const bases = this.#batches.slice(this.#find(offset)).map(({ base }) => base)
    return [...bases.filter((base) => base >= offset), this.end]
  }

  /** Loses all from this offset on, and the whole batch that holds it. */
  cut(offset: number): void {
    const gone = this.#batches.splice(this.#find(offset))
    const [first] = gone
    if (first === undefined) return
    this.end = Math.max(this.start, first.base)
    this.#epochs.cut(this.end)
    this.#segments.cut(gone.reduce((sum, { bytes }) => sum + bytes.length, 0))
  }

  /** Index of the batch that holds an offset, or is the first behind it. */
  #find(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#batches[middle] as StoredBatch).end > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
