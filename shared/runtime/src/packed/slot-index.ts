/** Share of the buckets that may be taken: beyond it runs of taken ones grow long. */
const MAX_LOAD = 0.75
const FIRST_BUCKETS = 64
/** Bytes of one bucket: a hash, and the slot behind it plus one; 0: empty. */
const BUCKET_BYTES = 8

/**
 * Places by their hash: a table that is off the heap, doubles as it fills, and closes the gap that a removal leaves.
 * Whoever asks compares what lies at the places, for different texts may have the same hash. A bucket is valid until
 * the next change.
 */
export class SlotIndex {
  size = 0
  readonly #maxBuckets: number
  #buckets = FIRST_BUCKETS
  #table = new Uint32Array(2 * FIRST_BUCKETS)

  /** `maxBytes` bounds the table; it has 512 bytes at least. */
  constructor(maxBytes: number) {
    this.#maxBuckets = 2 ** Math.max(6, Math.floor(Math.log2(maxBytes / BUCKET_BYTES)))
  }

  /** No more can be added. */
  get isFull(): boolean {
    return this.size >= this.#maxBuckets * MAX_LOAD
  }

  /** The first bucket of a hash; -1: none. */
  first(hash: number): number {
    return this.#from(hash & (this.#buckets - 1), hash)
  }

  /** The one behind `bucket` of the same hash; -1: none. */
  next(bucket: number, hash: number): number {
    return this.#from((bucket + 1) & (this.#buckets - 1), hash)
  }

  slot(bucket: number): number {
    return (this.#table[2 * bucket + 1] as number) - 1
  }

  move(bucket: number, slot: number): void {
    this.#table[2 * bucket + 1] = slot + 1
  }

  /** The bucket of this hash and slot; -1: none. */
  find(hash: number, slot: number): number {
    let bucket = this.first(hash)
    while (bucket >= 0 && this.slot(bucket) !== slot) bucket = this.next(bucket, hash)
    return bucket
  }

  /** Throws RangeError when full. */
  add(hash: number, slot: number): void {
    if (this.isFull) throw new RangeError('the index is full')
    if (this.size >= this.#buckets * MAX_LOAD) this.#double()
    this.#put(hash, slot)
    this.size++
  }

  remove(bucket: number): void {
    const table = this.#table
    const mask = this.#buckets - 1
    let gap = bucket
    for (let at = (gap + 1) & mask; table[2 * at + 1] !== 0; at = (at + 1) & mask) {
      // One that would be looked for from behind the gap stays where it is.
      if (((at - (table[2 * at] as number)) & mask) < ((at - gap) & mask)) continue
      table[2 * gap] = table[2 * at] as number
      table[2 * gap + 1] = table[2 * at + 1] as number
      gap = at
    }
    table[2 * gap + 1] = 0
    this.size--
  }

  #from(start: number, hash: number): number {
    const table = this.#table
    const mask = this.#buckets - 1
    for (let at = start; table[2 * at + 1] !== 0; at = (at + 1) & mask) if (table[2 * at] === hash) return at
    return -1
  }

  #put(hash: number, slot: number): void {
    const mask = this.#buckets - 1
    let at = hash & mask
    while (this.#table[2 * at + 1] !== 0) at = (at + 1) & mask
    this.#table[2 * at] = hash
    this.#table[2 * at + 1] = slot + 1
  }

  #double(): void {
    const old = this.#table
    this.#buckets *= 2
    this.#table = new Uint32Array(2 * this.#buckets)
    for (let i = 0; i < old.length; i += 2)
      if (old[i + 1] !== 0) this.#put(old[i] as number, (old[i + 1] as number) - 1)
  }
}
