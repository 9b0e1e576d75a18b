import type { BusConsumer, BusEntry, BusProducer, BusTopic, PartitionLag } from '@bgs/contract/bus/bus.ts'
import { EntryQueue } from '@bgs/contract/bus/entry-queue.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'

interface Slot<T> extends BusEntry<T> {
  readonly bytes: number
  readonly token: unknown
  readonly onSafe: (token: never) => void
}

/**
 * A topic in the memory of this process: records are handed over by reference, one consumer takes them in
 * publish order. Nothing survives the process, so a record is safe only when its consumer is done with it, and
 * `generation` must be one that no earlier process used. Bounded by `maxBytes` of records that are not done:
 * the bound is advice to producers (`room`), which stop reading upstream.
 */
export class MemoryTopic<T> implements BusTopic<T> {
  pendingBytes = 0
  pendingRecords = 0
  readonly #generation: number
  readonly #maxBytes: number
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
  #room: { promise: Promise<void>; resolve: () => void } | undefined

  constructor(options: { generation: number; partitions: number; maxBytes: number }) {
    this.#generation = options.generation
    this.#partitions = options.partitions
    this.#maxBytes = options.maxBytes
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
        this.pendingRecords++
        const slot = { partition, position, value, bytes, token, onSafe }
        this.#pending[partition] = (this.#pending[partition] ?? 0) + 1
        if (this.#watched[partition] === undefined) {
          this.#watched[partition] = slot
          this.#watchedMs[partition] = monotonicMs()
        }
        this.#queue.push(slot)
        if (this.#queue.length === 1) this.#available()
      },
      room: () => {
        if (this.pendingBytes < this.#maxBytes) return undefined
        this.#room ??= Promise.withResolvers<void>()
        return this.#room.promise
      },
    }
  }

  consumer(): BusConsumer<T> {
    return {
      generation: this.#generation,
      poll: (limit) => this.#queue.take(limit),
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

  #done(slot: Slot<T>): void {
    this.#pending[slot.partition] = (this.#pending[slot.partition] ?? 0) - 1
    if (this.#watched[slot.partition] === slot) this.#watched[slot.partition] = undefined
    this.pendingBytes -= slot.bytes
    this.pendingRecords--
    slot.onSafe(slot.token as never)
    if (this.#room !== undefined && this.pendingBytes < this.#maxBytes * 0.75) {
      this.#room.resolve()
      this.#room = undefined
    }
  }
}
