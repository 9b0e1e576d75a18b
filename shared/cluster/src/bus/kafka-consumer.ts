import type { BusConsumer, BusEntry, PartitionLag } from '@bgs/contract/bus/bus.ts'
import { EntryQueue } from '@bgs/contract/bus/entry-queue.ts'
import { indexOf, offsetOf, positionOf } from '@bgs/contract/bus/position.ts'
import type { KafkaCluster } from '../kafka/cluster.ts'
import { NO_EPOCH } from '../kafka/led-partition.ts'
import type { WireRecord } from '../kafka/record-batch.ts'
import { LostRecordsError } from './lost-records.ts'
import { PartitionFetcher } from './partition-fetcher.ts'
import {
  advance,
  lagOf,
  type OpenRecord,
  partitionLag,
  type ReadPartition,
  readFrom,
} from './read-partition.ts'

export interface KafkaConsumerOptions<T> {
  readonly cluster: KafkaCluster
  readonly topic: string
  readonly generation: number
  /** The values of one record, in order. Throws on a format it does not know: stop, never skip (invariant 17). */
  readonly decode: (record: Buffer) => T[]
  /** Bytes that one value is counted as while it is not done. */
  readonly weigh: (value: T) => number
  /** Bytes of values that are not done at which no more is fetched. */
  readonly maxBytes: number
  /** Pause between fetches, so that records come several at a time. */
  readonly pauseMs: number
  /** Hears of a partition that no longer holds what is to be read next: it is unassigned by then. Without it `run` throws. */
  readonly onLost?: (lost: LostRecordsError) => void
}

interface Slot<T> extends BusEntry<T> {
  readonly owner: ReadPartition
  readonly record: OpenRecord
  readonly bytes: number
}

/**
 * Reads the partitions it is given, each from a position it is told: no group, for positions are kept by those who
 * know what became of an entry. A partition that is taken away hands out nothing more; what was handed out may still
 * be finished.
 */
export class KafkaConsumer<T> implements BusConsumer<T> {
  readonly generation: number
  openBytes = 0
  readonly #options: KafkaConsumerOptions<T>
  readonly #partitions = new Map<number, ReadPartition>()
  readonly #fetcher: PartitionFetcher
  readonly #queue = new EntryQueue<Slot<T>>()
  #available: () => void = () => undefined
  /** It will be said with this turn of the event loop that there is something. */
  #isAnnounced = false

  constructor(options: KafkaConsumerOptions<T>) {
    this.#options = options
    this.generation = options.generation
    const { cluster, topic, maxBytes, pauseMs } = options
    this.#fetcher = new PartitionFetcher({
      cluster,
      topic,
      pauseMs,
      partitions: this.#partitions,
      isFull: () => this.openBytes >= maxBytes,
      take: (partition, read, end) => this.#take(partition, read, end),
      refused: (partition, error) => this.#refused(partition, error),
    })
  }

  /** Begins to read a partition at a position; `epoch` is that of the record before it, if that is known. */
  assign(number: number, position: number, epoch = NO_EPOCH): void {
    this.#partitions.set(number, readFrom(number, position, epoch))
    this.#fetcher.look()
  }

  /** Stops reading a partition. */
  unassign(number: number): void {
    const partition = this.#partitions.get(number)
    if (partition === undefined) return
    partition.assigned = false
    this.#partitions.delete(number)
    this.#fetcher.forget(number)
    for (const { bytes } of partition.open) this.openBytes -= bytes
    partition.open.length = 0
    this.#queue.keep(({ owner }) => owner !== partition)
  }

  get assigned(): number[] {
    return [...this.#partitions.keys()]
  }

  /** Position of the first entry of a partition that is not done: where reading has to go on. */
  positions(): Map<number, number> {
    return new Map([...this.#partitions].map(([number, { position }]) => [number, position]))
  }

  /** Epoch of the record before each of these positions. */
  epochs(): Map<number, number> {
    return new Map([...this.#partitions].map(([number, { doneEpoch }]) => [number, doneEpoch]))
  }

  /** Records of the assigned partitions that are not done. */
  lag(): number {
    let lag = 0
    for (const partition of this.#partitions.values()) lag += lagOf(partition)
    return lag
  }

  /** The same by partition. */
  lags(): PartitionLag[] {
    return [...this.#partitions.values()].map(partitionLag)
  }

  /** For how long the partition that waits longest is asked for without any answer; 0: there is none. */
  unansweredMs(): number {
    const nowMs = performance.now()
    return Math.max(0, ...[...this.#partitions.values()].map(({ askedMs }) => nowMs - (askedMs ?? nowMs)))
  }

  poll(limit: number): BusEntry<T>[] {
    return this.#queue.take(limit)
  }

  onAvailable(listener: () => void): void {
    this.#available = listener
  }

  done(entry: BusEntry<T>): void {
    const { owner, record, bytes } = entry as Slot<T>
    record.left--
    record.bytes -= bytes
    if (!owner.assigned) return
    this.#giveBack(bytes)
    advance(owner)
  }

  /**
   * An entry's bytes count until it is done, not those of its whole record: few that wait must not stop all behind them
   * (invariant 13).
   */
  #giveBack(bytes: number): void {
    const wasFull = this.openBytes >= this.#options.maxBytes
    this.openBytes -= bytes
    if (wasFull && this.openBytes < this.#options.maxBytes) this.#fetcher.look()
  }

  /** Fetches until `signal` is aborted. Throws where a partition no longer holds what is to be read next. */
  run(signal: AbortSignal): Promise<void> {
    return this.#fetcher.run(signal)
  }

  #refused({ number }: ReadPartition, error: Error): void {
    const { onLost } = this.#options
    if (!(error instanceof LostRecordsError) || onLost === undefined) throw error
    this.unassign(number)
    onLost(error)
  }

  #take(partition: ReadPartition, read: readonly WireRecord[], end: number): void {
    const { decode, weigh } = this.#options
    partition.end = end
    for (const { offset, timeMs, epoch, value } of read) {
      const values = decode(value)
      partition.next = offset + 1
      partition.epoch = epoch
      const record = { offset, timeMs, epoch, left: 0, bytes: 0 }
      const skip = offset === offsetOf(partition.from) ? indexOf(partition.from) : 0
      for (let i = skip; i < values.length; i++) {
        const slot = {
          partition: partition.number,
          position: positionOf(offset, i),
          value: values[i] as T,
          leaderEpoch: epoch,
          owner: partition,
          record,
          bytes: weigh(values[i] as T),
        }
        this.#queue.push(slot)
        record.left++
        record.bytes += slot.bytes
      }
      partition.open.push(record)
      this.openBytes += record.bytes
    }
    // A record without entries is done as it comes.
    advance(partition)
    this.#announce()
  }

  /** Once for all partitions of an answer: an append for each of them would be as many records of the log. */
  #announce(): void {
    if (this.#isAnnounced || this.#queue.length === 0) return
    this.#isAnnounced = true
    setImmediate(() => {
      this.#isAnnounced = false
      this.#available()
    })
  }
}
