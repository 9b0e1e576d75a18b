import type { BusConsumer, BusEntry, PartitionLag } from '@bgs/contract/bus/bus.ts'
import { EntryQueue } from '@bgs/contract/bus/entry-queue.ts'
import { indexOf, offsetOf, positionOf } from '@bgs/contract/bus/position.ts'
import { Bell } from '@bgs/runtime/service/bell.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type KafkaCluster, type Lane, REQUEST_MS, retryPauseMs } from '../kafka/cluster.ts'
import { type Fetched, fetchRecords } from '../kafka/fetch.ts'
import { KafkaError } from '../kafka/kafka-error.ts'
import { lostFrom, NO_EPOCH } from '../kafka/leader-epochs.ts'
import { BadBatchError, readBatches, type WireRecord } from '../kafka/record-batch.ts'

/** Asked for at once, of all partitions of a broker and of one. */
const FETCH_BYTES = 4 * 1024 * 1024
const PARTITION_BYTES = 1024 * 1024
/** A broker with nothing new answers after so long. */
const LONG_POLL_MS = 250

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

/** A record whose entries were handed out, or wait to be. */
interface OpenRecord {
  readonly offset: number
  /** When it was appended. */
  readonly timeMs: number
  readonly epoch: number
  /** Entries that are not done, and their bytes. */
  left: number
  bytes: number
}

interface Partition {
  readonly number: number
  /** Offset fetched next. */
  next: number
  /** Entries below this position were taken before. */
  readonly from: number
  readonly open: OpenRecord[]
  /** Epoch of the record before `next`: where another follows, the topic may have lost its end in between. */
  epoch: number
  /** First entry that is not done, and the epoch of the record before its own. */
  position: number
  doneEpoch: number
  end: number
  assigned: boolean
  /** Since when it is asked for without any answer of a broker; undefined: it is not. */
  askedMs: number | undefined
}

interface Slot<T> extends BusEntry<T> {
  readonly owner: Partition
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
  readonly #partitions = new Map<number, Partition>()
  readonly #lane: Lane
  readonly #bell = new Bell()
  readonly #queue = new EntryQueue<Slot<T>>()
  #available: () => void = () => undefined
  /** Partitions of which what is to be read next cannot be. */
  readonly #unreadable = new Set<number>()

  constructor(options: KafkaConsumerOptions<T>) {
    this.#options = options
    this.generation = options.generation
    this.#lane = options.cluster.lane()
  }

  /** Begins to read a partition at a position; `epoch` is that of the record before it, if that is known. */
  assign(number: number, position: number, epoch = NO_EPOCH): void {
    const next = offsetOf(position)
    this.#partitions.set(number, {
      number,
      next,
      from: position,
      open: [],
      epoch,
      position,
      doneEpoch: epoch,
      end: next,
      assigned: true,
      askedMs: undefined,
    })
    this.#bell.ring()
  }

  /** Stops reading a partition. */
  unassign(number: number): void {
    const partition = this.#partitions.get(number)
    if (partition === undefined) return
    partition.assigned = false
    this.#partitions.delete(number)
    if (this.#unreadable.delete(number) && this.#unreadable.size === 0) this.#options.cluster.records.ok()
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
    for (const { end, position } of this.#partitions.values()) lag += Math.max(0, end - offsetOf(position))
    return lag
  }

  /** The same by partition. */
  lags(): PartitionLag[] {
    return [...this.#partitions.values()].map(({ number, end, position, open }) => ({
      partition: number,
      records: Math.max(0, end - offsetOf(position)),
      oldestAgeMs: ageMs(open[0]?.timeMs),
    }))
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
    this.#advance(owner)
  }

  /**
   * An entry's bytes count until it is done, not those of its whole record: few that wait must not stop all behind them
   * (invariant 13).
   */
  #giveBack(bytes: number): void {
    const wasFull = this.openBytes >= this.#options.maxBytes
    this.openBytes -= bytes
    if (wasFull && this.openBytes < this.#options.maxBytes) this.#bell.ring()
  }

  /** Lets go of the records at the front all of whose entries are done. */
  #advance(partition: Partition): void {
    while (partition.open[0]?.left === 0) {
      const { offset, epoch } = partition.open.shift() as OpenRecord
      partition.position = positionOf(offset + 1, 0)
      partition.doneEpoch = epoch
    }
  }

  /** Fetches until `signal` is aborted. Throws where a partition no longer holds what is to be read next. */
  async run(signal: AbortSignal): Promise<void> {
    const loops = new Map<number, Promise<void>>()
    let attempt = 0
    let fault: unknown
    while (!signal.aborted && fault === undefined) {
      try {
        for (const node of await this.#nodes()) {
          if (loops.has(node)) continue
          const loop = this.#fetchFrom(node, signal)
            .catch((error: unknown) => {
              fault ??= error
            })
            .finally(() => {
              loops.delete(node)
              this.#bell.ring()
            })
          loops.set(node, loop)
        }
        attempt = 0
      } catch (error) {
        this.#failed(error)
        await wait(retryPauseMs(attempt++), signal)
      }
      await this.#bell.wait(LONG_POLL_MS, signal)
    }
    await Promise.all(loops.values())
    this.#lane.close()
    if (fault !== undefined) throw fault
  }

  /** Brokers that lead what is to be read now. */
  async #nodes(): Promise<Set<number>> {
    const nodes = new Set<number>()
    const isFull = this.openBytes >= this.#options.maxBytes
    for (const partition of [...this.#partitions.values()]) {
      const node = isFull ? -1 : await this.#leaderOf(partition.number)
      if (node >= 0) nodes.add(node)
      else partition.askedMs = undefined
    }
    return nodes
  }

  /** Fetches from one broker while it leads something that is to be read. */
  async #fetchFrom(node: number, signal: AbortSignal): Promise<void> {
    const { cluster, topic, maxBytes, pauseMs } = this.#options
    for (let attempt = 0, turn = 0; !signal.aborted; ) {
      try {
        const wanted: Partition[] = []
        for (const partition of [...this.#partitions.values()])
          if ((await this.#leaderOf(partition.number)) === node) wanted.push(partition)
        if (wanted.length === 0 || this.openBytes >= maxBytes) return
        // Each time another first: an answer is full before the last ones have their turn.
        wanted.push(...wanted.splice(0, turn++ % wanted.length))
        const askedMs = performance.now()
        for (const partition of wanted) partition.askedMs ??= askedMs
        const from = wanted.map(({ number, next }) => ({ partition: number, offset: next }))
        const connection = await this.#lane.toNode(node)
        const limits = {
          waitMs: LONG_POLL_MS,
          maxBytes: FETCH_BYTES,
          partitionBytes: PARTITION_BYTES,
          timeoutMs: REQUEST_MS,
        }
        const fetched = await fetchRecords(connection, topic, from, limits)
        for (const one of fetched) {
          const partition = wanted.find(({ number }) => number === one.partition)
          if (partition === undefined || !partition.assigned) continue
          partition.askedMs = undefined
          const error =
            one.error?.code === 'OFFSET_OUT_OF_RANGE' ? await this.#outOfRange(partition, signal) : one.error
          const lost = error ?? (await this.#takeReadable(partition, one, signal))
          // It may have been taken away while that was looked at.
          if (lost !== undefined && partition.assigned) this.#refused(partition, lost)
        }
        cluster.health.ok()
        attempt = 0
      } catch (error) {
        if (signal.aborted) return
        this.#failed(error)
        await wait(retryPauseMs(attempt++), signal)
        if (attempt > 3) return
      }
      // A broker has an answer at once for what cannot be read.
      const pause = this.#unreadable.size > 0 ? retryPauseMs(3) : pauseMs
      if (pause > 0) await wait(pause, signal)
    }
  }

  /** Leader of a partition, -1 where there is none now: the others are read on. */
  async #leaderOf(number: number): Promise<number> {
    const { cluster, topic } = this.#options
    try {
      return await cluster.leader(topic, number)
    } catch (error) {
      if (error instanceof KafkaError && error.code === 'LEADER_NOT_AVAILABLE') return -1
      throw error
    }
  }

  /** What the word of a broker comes to that it does not hold an offset; it may have become the leader just now. */
  async #outOfRange({ number, next, epoch }: Partition, signal: AbortSignal): Promise<Error> {
    const { cluster, topic } = this.#options
    const floor = (await cluster.offsets(topic, [number], 'floor', signal)).get(number) ?? 0
    const end = (await cluster.offsets(topic, [number], 'end', signal)).get(number) ?? 0
    if (next < floor || next > end) {
      const from = await lostFrom(cluster, this.#lane, topic, number, { offset: next - 1, epoch }, signal)
      return new LostRecordsError(topic, number, next, floor, end, from)
    }
    return new KafkaError('OFFSET_OUT_OF_RANGE', `${topic}/${number}: ${next} is not there yet`)
  }

  #refused({ number }: Partition, error: Error): void {
    const { onLost } = this.#options
    if (!(error instanceof LostRecordsError) || onLost === undefined) throw error
    this.unassign(number)
    onLost(error)
  }

  /** What cannot be read is waited at; the other partitions are read on. */
  async #takeReadable(
    partition: Partition,
    { bytes, end }: Fetched,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { records } = this.#options.cluster
    try {
      const read = readBatches(bytes, partition.next)
      const lost = await this.#lostBefore(partition, read[0], end, signal)
      if (lost !== undefined || !partition.assigned) return lost
      this.#take(partition, read, end)
      if (this.#unreadable.delete(partition.number) && this.#unreadable.size === 0) records.ok()
    } catch (error) {
      if (!(error instanceof BadBatchError)) throw error
      this.#unreadable.add(partition.number)
      records.failed(error)
    }
    return undefined
  }

  /**
   * Whether what was read last is gone, and what comes now stands at offsets that were given to others: only a new leader
   * can have lost something, so it is asked only where another epoch follows.
   */
  async #lostBefore(
    { number, next, epoch }: Partition,
    first: WireRecord | undefined,
    end: number,
    signal: AbortSignal,
  ): Promise<LostRecordsError | undefined> {
    if (first === undefined || epoch === NO_EPOCH || first.epoch === epoch) return undefined
    const { cluster, topic } = this.#options
    const upTo = { offset: next - 1, epoch }
    const from = await lostFrom(cluster, this.#lane, topic, number, upTo, signal)
    return from === undefined ? undefined : new LostRecordsError(topic, number, next, 0, end, from)
  }

  #take(partition: Partition, read: readonly WireRecord[], end: number): void {
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
    this.#advance(partition)
    if (this.#queue.length > 0) this.#available()
  }

  #failed(error: unknown): void {
    if (!(error instanceof KafkaError)) throw error
    this.#options.cluster.health.failed(error)
    this.#options.cluster.forget(this.#options.topic)
  }
}

/** By the wall clocks of two machines, of which the other's may be ahead. */
function ageMs(timeMs: number | undefined): number | undefined {
  return timeMs === undefined ? undefined : Math.max(0, Date.now() - timeMs)
}

/** A partition no longer holds what is to be read next: it was trimmed or made anew by somebody else. */
export class LostRecordsError extends Error {
  override name = 'LostRecordsError'
  readonly code = 'lost-records'
  readonly partition: number
  /** What was read is gone, and its offsets are given to others. */
  readonly hasLostEnd: boolean

  /** `lostFrom`: offset from which on what was read is no longer there. */
  constructor(
    topic: string,
    partition: number,
    wanted: number,
    floor: number,
    end: number,
    lostFrom?: number,
  ) {
    super(
      lostFrom !== undefined
        ? `${topic}/${partition} was read up to ${wanted - 1}, and has lost its end from ${lostFrom} on`
        : `${topic}/${partition}: offset ${wanted} is to be read next, but the partition holds ${floor} to ${end - 1}: ` +
            `it was trimmed or made anew by somebody else`,
    )
    this.partition = partition
    this.hasLostEnd = lostFrom !== undefined
  }
}
