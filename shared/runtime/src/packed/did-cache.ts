import { seededHash } from './seeded-hash.ts'
import { MAX_UNITS, Slab, UNIT, unitsOf } from './slab.ts'
import { SlotIndex } from './slot-index.ts'

/** A slab, unless the whole is small; of the whole the index has an eighth at most. */
const SLAB_BYTES = 1024 * 1024
const LEAST_SLAB_BYTES = 512
const LEAST_SLABS = 16
const INDEX_SHARE = 1 / 8
/** Places are counted in units, in 32 bits. */
const MOST_BYTES = UNIT * (2 ** 32 - 2)

/** Where a record's value lies, until the next call. */
export interface RecordSlot {
  bytes: Buffer
  view: DataView
  at: number
}

/**
 * A cache of small records by DID, off the JavaScript heap and bounded in bytes: they lie in slabs, which are filled
 * in turn. Where there is no room for another slab, the oldest is swept: what was asked for since the last time is
 * moved to its beginning, up to half of it, and all else is forgotten.
 */
export class DidCache {
  readonly #slabUnits: number
  readonly #maxSlabs: number
  readonly #slabs: Slab[] = []
  readonly #index: SlotIndex
  readonly #slot: RecordSlot
  /** The slab that is being filled. */
  #filling = -1

  constructor(maxBytes: number) {
    const bytes = Math.min(maxBytes, MOST_BYTES) * (1 - INDEX_SHARE)
    const slabBytes = Math.min(SLAB_BYTES, Math.max(LEAST_SLAB_BYTES, bytes / LEAST_SLABS))
    this.#slabUnits = Math.floor(slabBytes / UNIT)
    this.#maxSlabs = Math.max(1, Math.floor(bytes / (this.#slabUnits * UNIT)))
    this.#index = new SlotIndex(maxBytes * INDEX_SHARE)
    const { bytes: none, view } = new Slab(0)
    this.#slot = { bytes: none, view, at: 0 }
  }

  get size(): number {
    return this.#index.size
  }

  /** Where the value of this DID lies; undefined: there is none, or no longer. */
  get(did: string): RecordSlot | undefined {
    const bucket = this.#bucketOf(did, seededHash(did))
    if (bucket < 0) return undefined
    const number = this.#index.slot(bucket)
    const slab = this.#slabOf(number)
    const at = this.#offsetOf(number)
    slab.setUsed(at, true)
    const slot = this.#slot
    slot.bytes = slab.bytes
    slot.view = slab.view
    slot.at = slab.valueAt(at)
    return slot
  }

  /** Keeps the first `length` bytes of `value` for this DID in place of what was. Too large a value is not kept. */
  put(did: string, value: Uint8Array, length: number): void {
    const hash = seededHash(did)
    const units = unitsOf(did, length)
    const bucket = this.#bucketOf(did, hash)
    if (bucket >= 0) {
      const number = this.#index.slot(bucket)
      const slab = this.#slabOf(number)
      const at = this.#offsetOf(number)
      if (slab.units(at) >= units) {
        slab.setUsed(at, true)
        slab.bytes.set(value.subarray(0, length), slab.valueAt(at))
        return
      }
      this.#index.remove(bucket)
    }
    // More than half a slab might find no room in one that was just swept.
    if (units > MAX_UNITS || units > this.#slabUnits / 2) return
    const slab = this.#slabWithRoom(units)
    const at = slab.append(hash, units, did)
    slab.bytes.set(value.subarray(0, length), slab.valueAt(at))
    this.#index.add(hash, this.#filling * this.#slabUnits + at / UNIT)
  }

  delete(did: string): void {
    const bucket = this.#bucketOf(did, seededHash(did))
    if (bucket >= 0) this.#index.remove(bucket)
  }

  /** Forgets those DIDs that `which` says. */
  drop(which: (did: string) => boolean): void {
    for (const [number, slab] of this.#slabs.entries()) {
      this.#eachOf(number, (bucket, at) => {
        if (which(slab.did(at))) this.#index.remove(bucket)
      })
    }
  }

  #bucketOf(did: string, hash: number): number {
    const index = this.#index
    let bucket = index.first(hash)
    while (bucket >= 0) {
      const slot = index.slot(bucket)
      if (this.#slabOf(slot).isOf(this.#offsetOf(slot), did)) return bucket
      bucket = index.next(bucket, hash)
    }
    return -1
  }

  #slabOf(slot: number): Slab {
    return this.#slabs[Math.floor(slot / this.#slabUnits)] as Slab
  }

  #offsetOf(slot: number): number {
    return (slot % this.#slabUnits) * UNIT
  }

  /** The slab that is being filled, with room for so many units at its end. */
  #slabWithRoom(units: number): Slab {
    while (this.#index.isFull) this.#sweepNext()
    for (;;) {
      const slab = this.#slabs[this.#filling]
      if (slab !== undefined && slab.end + units * UNIT <= this.#slabUnits * UNIT) return slab
      if (this.#slabs.length === this.#maxSlabs) this.#sweepNext()
      else this.#filling = this.#slabs.push(new Slab(this.#slabUnits * UNIT)) - 1
    }
  }

  /** Sweeps the slab that was filled longest ago; it is the next to be filled. */
  #sweepNext(): void {
    this.#filling = (this.#filling + 1) % this.#slabs.length
    const slab = this.#slabs[this.#filling] as Slab
    let end = 0
    this.#eachOf(this.#filling, (bucket, at, bytes) => {
      if (!slab.isUsed(at) || end + bytes > (this.#slabUnits * UNIT) / 2) this.#index.remove(bucket)
      else {
        slab.setUsed(at, false)
        slab.move(at, end)
        this.#index.move(bucket, this.#filling * this.#slabUnits + end / UNIT)
        end += bytes
      }
    })
    slab.end = end
  }

  /** Every record of a slab that is in the index: the others were written anew elsewhere, or forgotten. */
  #eachOf(number: number, take: (bucket: number, at: number, bytes: number) => void): void {
    const slab = this.#slabs[number] as Slab
    for (let at = 0; at < slab.end; ) {
      // Read before `take`, which may move what comes over it.
      const bytes = slab.units(at) * UNIT
      const bucket = this.#index.find(slab.hash(at), number * this.#slabUnits + at / UNIT)
      if (bucket >= 0) take(bucket, at, bytes)
      at += bytes
    }
  }
}
