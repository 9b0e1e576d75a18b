import { LogTrimmedError, LogUnknownError } from '@bgs/contract/log/log.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { ConnectionSet, KafkaCluster } from '../kafka/cluster.ts'
import { REQUEST_MS, retryPauseMs } from '../kafka/cluster.ts'
import { fetchRecords } from '../kafka/fetch.ts'
import { BadBatchError, readBatches } from '../kafka/record-batch.ts'
import { decodeSequenced, type SequencedRecord } from './sequenced-record.ts'

/** How long, and how often, it is waited for a record that is known to be there. */
const LOOK_MS = 250
const LOOKS = 40

export interface SequencedRead {
  /** Records that count, in order. */
  readonly records: SequencedRecord[]
  /** Offset to go on at: behind the last one looked at, void ones included. */
  readonly next: number
  /** Offset behind the last committed record, and the first retained one. */
  readonly end: number
  readonly floor: number
}

/** Reads the one partition of `sequenced`, without a group; waits out whatever happens to the brokers. */
export class SequencedReader {
  readonly topic: string
  readonly #cluster: KafkaCluster
  readonly #connections: ConnectionSet

  constructor(cluster: KafkaCluster, topic: string) {
    this.#cluster = cluster
    this.topic = topic
    this.#connections = cluster.connections()
  }

  /**
   * Records from an offset on, about `maxBytes` of them and at least one; waits up to `waitMs` for one to come.
   * Throws LogTrimmedError where the log no longer reaches that offset. What cannot be read is waited at.
   */
  async read(from: number, maxBytes: number, waitMs: number, signal: AbortSignal): Promise<SequencedRead> {
    const { records } = this.#cluster
    for (let attempt = 0; ; attempt++) {
      try {
        const read = await this.#read(from, maxBytes, waitMs, signal)
        if (attempt > 0) records.ok()
        return read
      } catch (error) {
        if (!(error instanceof BadBatchError) || signal.aborted) throw error
        records.failed(error)
        await wait(retryPauseMs(attempt), signal)
      }
    }
  }

  async #read(from: number, maxBytes: number, waitMs: number, signal: AbortSignal): Promise<SequencedRead> {
    const limits = { waitMs, maxBytes, partitionBytes: maxBytes, timeoutMs: REQUEST_MS }
    const fetched = await this.#cluster.atLeader(
      this.#connections,
      this.topic,
      0,
      signal,
      async (connection) => {
        const place = { ...this.#cluster.led(this.topic, 0), offset: from }
        const [one] = await fetchRecords(connection, this.topic, [place], limits)
        if (one === undefined) throw new Error('an answer about no partition')
        if (one.error !== undefined && one.error.code !== 'OFFSET_OUT_OF_RANGE') throw one.error
        return one
      },
    )
    if (fetched.error !== undefined) {
      const { floor, end } = await this.bounds(signal)
      if (from < floor)
        throw new LogTrimmedError(`offset ${from} of ${this.topic} is below ${floor}, the oldest`)
      // A broker says so at once, and would be asked again and again.
      await wait(waitMs, signal)
      return { records: [], next: from, end, floor }
    }
    const records: SequencedRecord[] = []
    let next = from
    for (const { offset, value } of readBatches(fetched.bytes, from)) {
      const record = decodeSequenced(value, offset)
      if (record !== null) records.push(record)
      next = offset + 1
    }
    return { records, next, end: fetched.end, floor: fetched.floor }
  }

  /** The first record that counts at or behind an offset and before another; undefined: there is none. */
  async first(from: number, end: number, signal: AbortSignal): Promise<SequencedRecord | undefined> {
    let empty = 0
    for (let at = from; at < end; ) {
      const { records, next } = await this.read(at, 1, LOOK_MS, signal)
      const [record] = records
      if (record !== undefined) return record.offset < end ? record : undefined
      // A new leader of the partition may show what was committed a moment later.
      empty = next === at ? empty + 1 : 0
      if (empty >= LOOKS) throw new LogUnknownError(`offset ${at} of ${this.topic} does not appear`)
      at = next
    }
    return undefined
  }

  /** The last record that counts before an offset; undefined: there is none. */
  async last(floor: number, end: number, signal: AbortSignal): Promise<SequencedRecord | undefined> {
    let upTo = end
    for (let step = 1; upTo > floor; step *= 2) {
      const from = Math.max(floor, upTo - step)
      let found: SequencedRecord | undefined
      for (let at = from; at < upTo; ) {
        const record = await this.first(at, upTo, signal)
        if (record === undefined) break
        found = record
        at = record.offset + 1
      }
      if (found !== undefined) return found
      upTo = from
    }
    return undefined
  }

  /** The first retained offset and the one behind the last committed record. */
  async bounds(signal: AbortSignal): Promise<{ floor: number; end: number }> {
    const ends = await this.#cluster.offsets(this.topic, [0], 'end', signal)
    const floors = await this.#cluster.offsets(this.topic, [0], 'floor', signal)
    return { floor: floors.get(0) ?? 0, end: ends.get(0) ?? 0 }
  }

  close(): void {
    this.#connections.close()
  }
}
