import { PartitionBytes } from '@bgs/contract/bus/partition-bytes.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

/**
 * How often it is looked at what was consumed; only each fourth time as long as less than a share of the bound waits, what
 * this process has appended since counted in: else it would be taken for what waits.
 */
const LOOK_EVERY_MS = 500
const FAR_LOOKS = 4
const FAR_SHARE = 0.25
/** There is room again below this share of the bound. */
const REOPEN_SHARE = 0.9
/** The mean of a record is about that of so many that were seen last. */
const MEAN_OF = 64

export interface BacklogParts {
  /** Bytes not yet consumed at which there is no room (RELAY_BACKLOG_BYTES). */
  readonly maxBytes: number
  /** Of one file of a partition: only whole ones are removed when they are consumed. */
  readonly segmentBytes: number
  /** Offset behind the last record of each partition. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  /** Bytes of the files of each partition; undefined where the brokers do not tell. */
  readonly sizes: () => Promise<ReadonlyMap<number, number> | undefined>
  /** Offset of the first record of each partition that is not consumed. */
  readonly consumed: () => Promise<ReadonlyMap<number, number>>
  /** Bytes of the record at an offset, for what the sizes leave open. */
  readonly sample: (partition: number, offset: number) => Promise<number>
  readonly random?: () => number
}

/**
 * Bytes of a topic that nobody has consumed yet (invariant 12). Kafka tells offsets, and how large the files of a partition
 * are: what they grow by lies between two offsets. Only of what was there before the first look, and is less than one file
 * of each partition, it is reckoned from the mean of many samples: of one alone, 30 GiB were taken for anything from 0.4 to
 * 1,500.
 */
export class Backlog {
  readonly #parts: BacklogParts
  readonly #partitions = new Map<number, PartitionBytes>()
  #reckoned = 0
  /** Appended by this process since the last look. */
  #ownBytes = 0
  #mean = 0
  #seenRecords = 0
  #room: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(parts: BacklogParts) {
    this.#parts = parts
  }

  get bytes(): number {
    return this.#reckoned + this.#ownBytes
  }

  /** A promise while there is no room. */
  readonly full = (): Promise<void> | undefined => {
    if (this.bytes >= this.#parts.maxBytes) this.#room ??= Promise.withResolvers<void>()
    return this.#room?.promise
  }

  /** This process has appended a record. */
  readonly noteAppended = (_partition: number, _offset: number, bytes: number): void => {
    this.#ownBytes += bytes
    this.#seen(bytes)
  }

  /** Looks until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      for (let turn = 0; turn < FAR_LOOKS && !signal.aborted; turn++) {
        await wait(LOOK_EVERY_MS, signal)
        if (this.bytes >= this.#parts.maxBytes * FAR_SHARE) break
      }
    }
    this.#room?.resolve()
  }

  async look(): Promise<void> {
    const { consumed: askConsumed, ends: askEnds, sizes: askSizes, maxBytes } = this.#parts
    const own = this.#ownBytes
    const consumed = await askConsumed()
    const ends = await askEnds()
    const sizes = await askSizes()
    await this.#sample(consumed, ends, sizes === undefined)
    const mean = this.#mean
    let bytes = 0
    for (const [partition, end] of ends) {
      const known = this.#partition(partition)
      known.note(end, sizes?.get(partition), mean)
      bytes += known.above(consumed.get(partition) ?? 0, mean)
    }
    this.#reckoned = bytes
    this.#ownBytes -= own
    if (this.#room === undefined || this.bytes >= maxBytes * REOPEN_SHARE) return
    this.#room.resolve()
    this.#room = undefined
  }

  #partition(number: number): PartitionBytes {
    let known = this.#partitions.get(number)
    if (known === undefined) {
      known = new PartitionBytes(this.#parts.segmentBytes)
      this.#partitions.set(number, known)
    }
    return known
  }

  /** Looks at one record anywhere in what waits, where its bytes are not known otherwise. */
  async #sample(
    consumed: ReadonlyMap<number, number>,
    ends: ReadonlyMap<number, number>,
    always: boolean,
  ): Promise<void> {
    const { sample, random = Math.random } = this.#parts
    const open = [...ends].filter(([partition, end]) => {
      const from = consumed.get(partition) ?? 0
      return (
        end > from && (always || !this.#partitions.has(partition) || this.#partition(partition).isOlder(from))
      )
    })
    // The first look needs a mean worth the name.
    for (let left = this.#seenRecords < MEAN_OF ? MEAN_OF : 1; left > 0 && open.length > 0; left--) {
      const [partition, end] = open[Math.floor(random() * open.length)] as [number, number]
      const from = consumed.get(partition) ?? 0
      this.#seen(await sample(partition, from + Math.floor(random() * (end - from))))
    }
  }

  #seen(bytes: number): void {
    this.#seenRecords = Math.min(this.#seenRecords + 1, MEAN_OF)
    this.#mean += (bytes - this.#mean) / this.#seenRecords
  }
}
