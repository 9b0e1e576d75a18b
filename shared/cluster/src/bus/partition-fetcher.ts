import { Notify } from '@bgs/runtime/service/notify.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type KafkaCluster, REQUEST_MS, retryPauseMs } from '../kafka/cluster.ts'
import { type Fetched, fetchRecords } from '../kafka/fetch.ts'
import { KafkaError } from '../kafka/kafka-error.ts'
import { BadBatchError, readBatches, type WireRecord } from '../kafka/record-batch.ts'
import { type AskedTopic, lostBefore, outOfRange } from './lost-records.ts'
import type { ReadPartition } from './read-partition.ts'

/** Asked for at once, of all partitions of a broker and of one. */
const FETCH_BYTES = 4 * 1024 * 1024
const PARTITION_BYTES = 1024 * 1024
/** A broker with nothing new answers after so long. */
const LONG_POLL_MS = 500

export interface PartitionFetcherParts {
  readonly cluster: KafkaCluster
  readonly topic: string
  /** Pause between fetches, so that records come several at a time. */
  readonly pauseMs: number
  /** What is to be read now. */
  readonly partitions: ReadonlyMap<number, ReadPartition>
  /** Whether no more is to be fetched for now. */
  readonly isFull: () => boolean
  /** Takes the records that come next of a partition, of which the broker has all below `end`. */
  readonly take: (partition: ReadPartition, read: readonly WireRecord[], end: number) => void
  /** Hears why a partition cannot be read on; may throw it. */
  readonly refused: (partition: ReadPartition, error: Error) => void
}

/** Fetches what a consumer is to read: one loop for each broker that leads some of it. */
export class PartitionFetcher {
  readonly #parts: PartitionFetcherParts
  readonly #asked: AskedTopic
  readonly #notify = new Notify()
  /** Partitions of which what is to be read next cannot be. */
  readonly #unreadable = new Set<number>()

  constructor(parts: PartitionFetcherParts) {
    this.#parts = parts
    this.#asked = { cluster: parts.cluster, topic: parts.topic, connections: parts.cluster.connections() }
  }

  /** Looks again at what is to be read: there is more of it, or room again. */
  look(): void {
    this.#notify.notify()
  }

  /** A partition is read no more. */
  forget(number: number): void {
    if (this.#unreadable.delete(number) && this.#unreadable.size === 0) this.#parts.cluster.records.ok()
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
              this.#notify.notify()
            })
          loops.set(node, loop)
        }
        attempt = 0
      } catch (error) {
        this.#failed(error)
        await wait(retryPauseMs(attempt++), signal)
      }
      await this.#notify.wait(LONG_POLL_MS, signal)
    }
    await Promise.all(loops.values())
    this.#asked.connections.close()
    if (fault !== undefined) throw fault
  }

  /** Brokers that lead what is to be read now. */
  async #nodes(): Promise<Set<number>> {
    const nodes = new Set<number>()
    const isFull = this.#parts.isFull()
    for (const partition of [...this.#parts.partitions.values()]) {
      const node = isFull ? -1 : await this.#leaderOf(partition.number)
      if (node >= 0) nodes.add(node)
      else partition.askedMs = undefined
    }
    return nodes
  }

  /** Fetches from one broker while it leads something that is to be read. */
  async #fetchFrom(node: number, signal: AbortSignal): Promise<void> {
    const { cluster, topic, pauseMs } = this.#parts
    for (let attempt = 0, turn = 0; !signal.aborted; ) {
      try {
        const wanted: ReadPartition[] = []
        for (const partition of [...this.#parts.partitions.values()])
          if ((await this.#leaderOf(partition.number)) === node) wanted.push(partition)
        if (wanted.length === 0 || this.#parts.isFull()) return
        // Each time another first: an answer is full before the last ones have their turn.
        wanted.push(...wanted.splice(0, turn++ % wanted.length))
        const askedMs = performance.now()
        for (const partition of wanted) partition.askedMs ??= askedMs
        const from = wanted.map(({ number, next }) => ({ ...cluster.led(topic, number), offset: next }))
        const connection = await this.#asked.connections.toNode(node)
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
            one.error?.code === 'OFFSET_OUT_OF_RANGE'
              ? await outOfRange(this.#asked, partition, signal)
              : one.error
          const lost = error ?? (await this.#takeReadable(partition, one, signal))
          // It may have been taken away while that was looked at.
          if (lost !== undefined && partition.assigned) this.#parts.refused(partition, lost)
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
    const { cluster, topic } = this.#parts
    try {
      return await cluster.leader(topic, number)
    } catch (error) {
      if (error instanceof KafkaError && error.code === 'LEADER_NOT_AVAILABLE') return -1
      throw error
    }
  }

  /** What cannot be read is waited at; the other partitions are read on. */
  async #takeReadable(
    partition: ReadPartition,
    { bytes, end }: Fetched,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { records } = this.#parts.cluster
    try {
      const read = readBatches(bytes, partition.next)
      const lost = await lostBefore(this.#asked, partition, read[0], end, signal)
      if (lost !== undefined || !partition.assigned) return lost
      this.#parts.take(partition, read, end)
      if (this.#unreadable.delete(partition.number) && this.#unreadable.size === 0) records.ok()
    } catch (error) {
      if (!(error instanceof BadBatchError)) throw error
      this.#unreadable.add(partition.number)
      records.failed(error)
    }
    return undefined
  }

  #failed(error: unknown): void {
    if (!(error instanceof KafkaError)) throw error
    this.#parts.cluster.health.failed(error)
    this.#parts.cluster.forget(this.#parts.topic)
  }
}
