import type { BusConsumer, BusEntry, BusProducer, BusTopic, PartitionLag } from '@bgs/contract/bus/bus.ts'
import { EntryQueue } from '@bgs/contract/bus/entry-queue.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

/** So many records are company enough: what taking them costs is shared by then. */
const LINGER_RECORDS = 16

interface Slot<T> extends BusEntry<T> {
  readonly bytes: number
  readonly token: unknown
  readonly onSafe: (token: never) => void
}

export interface MemoryTopicOptions {
  readonly generation: number
  readonly partitions: number
  readonly maxBytes: number
  /** Of those nobody has taken yet; default `maxBytes`. What waits for something once it was taken is not among them. */
  readonly maxQueuedBytes?: number
  /** Least time between two takes of few records; default 0. */
  readonly lingerMs?: number
}

/**
 * A topic in the memory of this process: records are handed over by reference, one consumer takes them in
 * publish order. Nothing survives the process, so a record is safe only when its consumer is done with it, and
 * `generation` must be one that no earlier process used. Bounded by `maxBytes` of records that are not done:
 * the bound is advice to producers (`room`), which stop reading upstream.
 *
 * With `lingerMs` records come several at a time: 1. after a quiet time the first one is due at once; 2. those that come
 * within `lingerMs` of the last take wait until that is over, or until they are LINGER_RECORDS; 3. then all that is there
 * may be taken. So a stage that wakes another thread, writes to a disk or to subscribers does it once for many.
 */
export class MemoryTopic<T> implements BusTopic<T> {
  pendingBytes = 0
  pendingRecords = 0
  readonly #generation: number
  readonly #maxBytes: number
  readonly #maxQueuedBytes: number
  #queuedBytes = 0
  readonly #partitions: number
  readonly #positions: number[]
  readonly #queue = new EntryQueue<Slot<T>>()
  readonly #pending: number[]
  /**
   * Of each partition one record that is not done, and since when it is there: the next one after each that is done. It
   * may be younger than the oldest by the time that one record takes; to know the oldest would cost with every record.
   */
  readonly #watched: (Slot<T> | undefined)[]
  readonly #watchedMs: number[]
  #available: () => void = () => undefined
  readonly #lingerMs: number
  /** When records were last taken, on the clock of `monotonicMs`. */
  #takenMs = Number.NEGATIVE_INFINITY
  /** Whether those that are there may be taken; and what makes them due. */
  #isDue = false
  #linger: NodeJS.Timeout | undefined
  #room: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(options: MemoryTopicOptions) {
    this.#generation = options.generation
    this.#partitions = options.partitions
    this.#maxBytes = options.maxBytes
    this.#maxQueuedBytes = options.maxQueuedBytes ?? options.maxBytes
    this.#lingerMs = options.lingerMs ?? 0
    this.#positions = new Array<number>(options.partitions).fill(0)
    this.#pending = new Array<number>(options.partitions).fill(0)
    this.#watched = new Array<undefined>(options.partitions).fill(undefined)
    this.#watchedMs = new Array<number>(options.partitions).fill(0)
  }

  producer<Token>(onSafe: (token: Token) => void): BusProducer<T, Token> {
    return {
      publish: (partition, value, bytes, token) => {
        if (partition < 0 || partition >= this.#partitions) throw new RangeError(`no partition ${partition}`)
        const position = (this.#positions[partition] ?? 0) + 1
        this.#positions[partition] = position
        this.pendingBytes += bytes
        this.#queuedBytes += bytes
        this.pendingRecords++
        const slot = { partition, position, value, bytes, token, onSafe }
        this.#pending[partition] = (this.#pending[partition] ?? 0) + 1
        if (this.#watched[partition] === undefined) {
          this.#watched[partition] = slot
          this.#watchedMs[partition] = monotonicMs()
        }
        this.#queue.push(slot)
        this.#look()
      },
      room: () => {
        if (this.#fits(1)) return undefined
        this.#room ??= Promise.withResolvers<void>()
        return this.#room.promise
      },
    }
  }

  consumer(): BusConsumer<T> {
    return {
      generation: this.#generation,
      poll: (limit) => this.#poll(limit),
      onAvailable: (listener) => {
        this.#available = listener
      },
      done: (entry) => this.#done(entry as Slot<T>),
    }
  }

  lags(): PartitionLag[] {
    return this.#pending.map((records, partition) => ({
      partition,
      records,
      oldestAgeMs:
        this.#watched[partition] === undefined
          ? undefined
          : monotonicMs() - (this.#watchedMs[partition] as number),
    }))
  }

  /** Another record is there: looks whether they are due, or when they will be. */
  #look(): void {
    const { length } = this.#queue
    // Looked at for the first of them, and for the one that makes them enough.
    if (this.#isDue || (length > 1 && length < LINGER_RECORDS)) return
    const waitMs = length < LINGER_RECORDS ? this.#takenMs + this.#lingerMs - monotonicMs() : 0
    if (waitMs > 0) this.#linger = setTimeout(() => this.#makeDue(), waitMs)
    else this.#makeDue()
  }

  #makeDue(): void {
    clearTimeout(this.#linger)
    this.#isDue = true
    this.#available()
  }

  #poll(limit: number): BusEntry<T>[] {
    if (!this.#isDue) return []
    const taken = this.#queue.take(limit)
    this.#isDue = this.#queue.length > 0
    this.#takenMs = monotonicMs()
    for (const { bytes } of taken) this.#queuedBytes -= bytes
    this.#giveRoom()
    return taken
  }

  #done(slot: Slot<T>): void {
    this.#pending[slot.partition] = (this.#pending[slot.partition] ?? 0) - 1
    if (this.#watched[slot.partition] === slot) this.#watched[slot.partition] = undefined
    this.pendingBytes -= slot.bytes
    this.pendingRecords--
    slot.onSafe(slot.token as never)
    this.#giveRoom()
  }

  /** Whether no more than this share of what may be there is. */
  #fits(share: number): boolean {
    return this.pendingBytes < this.#maxBytes * share && this.#queuedBytes < this.#maxQueuedBytes * share
  }

  #giveRoom(): void {
    if (this.#room === undefined || !this.#fits(0.75)) return
    this.#room.resolve()
    this.#room = undefined
  }
}
