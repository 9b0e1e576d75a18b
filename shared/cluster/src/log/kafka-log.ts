/**
 * The log in Kafka: one partition, one record for each append, with the input positions in it, so that both are there or
 * neither is. A record says at which offset its writer meant it to stand, and counts only there (sequenced-record.ts). So
 * an append is a compare-and-append, and the seq of an entry is known before it is written (ADR 1).
 *
 * Two writers, A and B, both take themselves for the one (invariant 9):
 * 1. A was paused. B leads, reads to the end, offset 100, and appends a record that names 100. It is at 100.
 * 2. A wakes and appends a record that names 100. It lands at 101, where it counts for nobody.
 * 3. The broker's answer, 101, tells A: LogFencedError. B's next record would name 101 and land at 102: B opens anew.
 * Where A is first, B's first record is the void one: `open` looks again, takes A's record in, and tries behind it.
 *
 * An append without an answer is offered again as it is: where the first one arrived, the second misses its offset. So
 * it counts once at most, and what stands at the offset says whether it does.
 */

import { randomBytes } from 'node:crypto'
import { ENTRIES_PER_RECORD } from '@bgs/contract/bus/position.ts'
import {
  type Log,
  type LogBounds,
  LogFencedError,
  LogTooLargeError,
  LogTrimmedError,
  LogUnknownError,
} from '@bgs/contract/log/log.ts'
import { batchBytes, type LogBatch, type LogEntry } from '@bgs/contract/log/log-batch.ts'
import type { LogSeen } from '@bgs/contract/log/log-seen.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import { SteadyClock } from '@bgs/runtime/service/steady-clock.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type ConnectionSet, type KafkaCluster, REQUEST_MS, retryPauseMs } from '../kafka/cluster.ts'
import { KafkaError } from '../kafka/kafka-error.ts'
import { deleteRecords } from '../kafka/offsets.ts'
import { produce } from '../kafka/produce.ts'
import { MAX_RECORD_BYTES } from '../kafka/record-batch.ts'
import { boundsOf, type KafkaLogState, readLogState } from './kafka-log-state.ts'
import type { SeqBases } from './seq-bases.ts'
import { SequencedReader } from './sequenced-reader.ts'
import { decodeSequenced, encodeSequenced, type SequencedRecord } from './sequenced-record.ts'
import { WindowEdge } from './sequenced-window.ts'

const NO_CHECKPOINT = Buffer.alloc(0)
/** Share of the window by which it may reach further back than it is set. */
const GRAIN = 1 / 256

/** What was found when the log was opened. */
interface LogFound {
  readonly logId: string
  readonly base: number
  readonly bounds: LogBounds
  /** Seqs left out, because the last writer did not end as it should; 0 where it did. */
  readonly gap: number
}

export interface KafkaLogOptions {
  readonly cluster: KafkaCluster
  readonly topic: string
  /** Of this writer, from its lease: higher than any before it (invariant 9). */
  readonly generation: number
  readonly seen: LogSeen
  /**
   * Looks whether the database can go on with this log, and makes its id and base known there, before anything is
   * written under them. What it throws, `open` throws.
   */
  readonly onFound: (found: LogFound) => Promise<void>
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly signal: AbortSignal
  /** The time of day, and a clock that only goes on: for a test, by default the same. */
  readonly now?: () => number
  readonly mono?: () => number
}

/** No transaction is needed to fence a writer, or to keep positions and entries together. */
export class KafkaLog implements Log {
  readonly keepsPositions = true
  readonly generation: number
  readonly checkpoint: Buffer | null
  readonly logId: string
  readonly #options: KafkaLogOptions
  readonly #reader: SequencedReader
  readonly #connections: ConnectionSet
  /** And the reader beside it: what is trimmed or read must not hold up an append. */
  readonly #trimConnections: ConnectionSet
  readonly #bases: SeqBases
  readonly #writer = randomBytes(8).toString('hex')
  readonly #listeners = new Set<(batch: LogBatch) => void>()
  #floor: number
  #next: number
  #bytes: number
  /** Of the last record. */
  #timeMs: number
  #written: Uint8Array
  /** Of records: their times never go back, nor ahead because a clock was set for a moment. */
  readonly #stampClock: SteadyClock
  /** Of the window, which must not be thrown away early: goes on from the last record's time. */
  readonly #windowClock: SteadyClock
  readonly #edge = new WindowEdge()
  #trimming = false
  #appending = false
  /** Since when a record is offered without any answer of a broker; undefined: none is. */
  #offeredMs: number | undefined
  #broken: Error | undefined

  private constructor(options: KafkaLogOptions, reader: SequencedReader, found: KafkaLogState) {
    this.#options = options
    this.#reader = reader
    this.#connections = options.cluster.connections()
    this.#trimConnections = options.cluster.connections()
    this.generation = options.generation
    this.logId = found.logId
    this.checkpoint = found.checkpoint
    this.#bases = found.bases
    this.#floor = found.floor
    this.#next = found.end
    this.#bytes = found.bytes
    this.#timeMs = found.lastMs ?? 0
    this.#written = found.checkpoint ?? NO_CHECKPOINT
    const { now, mono = now } = options
    this.#stampClock = new SteadyClock(undefined, now, mono)
    this.#windowClock = new SteadyClock(found.lastMs, now, mono)
  }

  /**
   * Opens the log for writing: its first record fences every older writer. Throws LogMismatchError where the log is not
   * the one that the database knows, and whatever `signal` interrupts.
   */
  static async open(options: KafkaLogOptions): Promise<KafkaLog> {
    const reader = new SequencedReader(options.cluster, options.topic)
    try {
      return await KafkaLog.#open(options, reader)
    } catch (error) {
      reader.close()
      throw error
    }
  }

  static async #open(options: KafkaLogOptions, reader: SequencedReader): Promise<KafkaLog> {
    let tried: KafkaLogState | undefined
    for (let attempt = 0; ; attempt++) {
      const found = await readLogState(reader, options.seen, tried, options.signal)
      const { logId, bases, floor, end, gap } = found
      await options.onFound({ logId, base: bases.newest.base, bounds: boundsOf(bases, floor, end), gap })
      tried = found
      const log = new KafkaLog(options, reader, found)
      try {
        await log.append([], found.checkpoint ?? NO_CHECKPOINT)
        return log
      } catch (error) {
        log.#connections.close()
        // Somebody wrote while we looked: what they wrote counts, so look again.
        if (!(error instanceof LogFencedError) && !(error instanceof LogUnknownError)) throw error
        if (options.signal.aborted) throw error
        // Several that open it at once would go on in step, each in the way of the others.
        await wait(retryPauseMs(attempt), options.signal)
      }
    }
  }

  /** For how long an append is under way without any answer of a broker, be it a refusal; 0: none is. */
  unansweredMs(): number {
    return this.#offeredMs === undefined ? 0 : performance.now() - this.#offeredMs
  }

  bounds(): LogBounds {
    return boundsOf(this.#bases, this.#floor, this.#next)
  }

  async append(entries: readonly LogEntry[], checkpoint: Uint8Array = NO_CHECKPOINT): Promise<LogBatch> {
    if (this.#broken !== undefined)
      throw new LogUnknownError('the log failed before', { cause: this.#broken })
    if (this.#appending) throw new Error('one append at a time')
    const bytes = batchBytes(entries) + checkpoint.length
    if (bytes > MAX_RECORD_BYTES - 4_096 || entries.length > ENTRIES_PER_RECORD)
      throw new LogTooLargeError(`${entries.length} entries of ${bytes} bytes in one append`)
    return await this.#append(entries, checkpoint, false)
  }

  /**
   * The last append of this writer, which was asked to stop and has nothing under way: the next one goes on right behind
   * it. Without it seqs are left out, for nobody could tell whether all that was appended is still there.
   */
  async end(): Promise<void> {
    if (this.#broken !== undefined || this.#appending) return
    await this.#append([], this.#written, true)
    this.#broken = new Error('ended')
  }

  async #append(entries: readonly LogEntry[], checkpoint: Uint8Array, isLast: boolean): Promise<LogBatch> {
    this.#appending = true
    try {
      const [record, value] = this.#record(entries, checkpoint, isLast)
      const next = await this.#put(record, value)
      crashPoint('after-land')
      this.#next = next
      this.#bytes += record.bytes
      this.#timeMs = record.timeMs
      this.#written = checkpoint
      this.#edge.note(record)
      for (const listener of this.#listeners) listener(record.batch)
      return record.batch
    } catch (error) {
      this.#broken = error as Error
      throw error
    } finally {
      this.#appending = false
      this.#offeredMs = undefined
    }
  }

  async read(fromSeq: number, maxBytes: number): Promise<LogBatch[]> {
    const { signal } = this.#options
    if (fromSeq < this.bounds().first)
      throw new LogTrimmedError(`seq ${fromSeq} is below the oldest retained`)
    for (let at = this.#bases.offsetOf(fromSeq); at < this.#next; ) {
      const { records, next } = await this.#reader.read(at, maxBytes, 0, signal)
      const batches = records
        .filter(({ offset }) => offset < this.#next)
        .map(({ batch }) => batch)
        .filter(({ count, lastSeq }) => count > 0 && lastSeq >= fromSeq)
      if (batches.length > 0) return batches
      at = Math.max(next, at + 1)
    }
    return []
  }

  async head(): Promise<number> {
    return this.bounds().next
  }

  tail(listener: (batch: LogBatch) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async trim(position: number): Promise<void> {
    const { cluster, topic, signal, retentionMs, retentionBytes } = this.#options
    // One at a time, for the caller need not wait for it.
    if (this.#trimming) return
    this.#trimming = true
    try {
      const window = {
        oldestMs: this.#windowClock.now() - retentionMs,
        mostBytes: retentionBytes,
        endBytes: this.#bytes,
        grainMs: retentionMs * GRAIN,
        grainBytes: retentionBytes * GRAIN,
      }
      // The record that holds the position stays: the log is never trimmed above it (invariant 5).
      const upTo = Math.min(this.#bases.offsetOf(position), this.#next - 1)
      const floor = await this.#edge.find(this.#reader, this.#floor, upTo, window, signal)
      if (floor <= this.#floor) return
      await cluster.atLeader(this.#trimConnections, topic, 0, signal, (connection) =>
        deleteRecords(connection, topic, new Map([[0, floor]]), REQUEST_MS),
      )
      this.#floor = floor
    } finally {
      this.#trimming = false
    }
  }

  async close(): Promise<void> {
    this.#broken ??= new Error('closed')
    this.#listeners.clear()
    this.#connections.close()
    this.#trimConnections.close()
    this.#reader.close()
  }

  #record(entries: readonly LogEntry[], checkpoint: Uint8Array, isLast: boolean): [SequencedRecord, Buffer] {
    const value = encodeSequenced(
      {
        logId: this.logId,
        generation: this.generation,
        writer: this.#writer,
        isLast,
        base: this.#bases.newest,
        offset: this.#next,
        bytesBefore: this.#bytes,
        timeMs: Math.max(this.#timeMs, this.#stampClock.now()),
        checkpoint: Buffer.from(checkpoint),
      },
      entries,
    )
    return [decodeSequenced(value, this.#next) as SequencedRecord, value]
  }

  /** Offers a record until it stands where it is meant to, or can no longer come to. Resolves to the next offset. */
  async #put(record: SequencedRecord, value: Buffer): Promise<number> {
    const { cluster, topic, signal } = this.#options
    for (let attempt = 0; ; attempt++) {
      let landed = -1
      try {
        this.#offeredMs ??= performance.now()
        const connection = await this.#connections.toLeader(topic, 0)
        const [one] = await produce(connection, topic, [{ partition: 0, value }], REQUEST_MS)
        this.#offeredMs = undefined
        if (one?.error !== undefined) throw one.error
        landed = one?.offset ?? -1
        cluster.health.ok()
      } catch (error) {
        if (!(error instanceof KafkaError) || error.isFinal) throw error
        cluster.health.failed(error)
        cluster.forget(topic)
        // No leader now: nobody's record would be taken.
        if (error.code === 'LEADER_NOT_AVAILABLE') this.#offeredMs = undefined
        await wait(retryPauseMs(attempt), signal)
        if (signal.aborted)
          throw new LogUnknownError('stopped while an append was under way', { cause: error })
      }
      if (landed === record.offset) return landed + 1
      const end = Math.max((await this.#reader.bounds(signal)).end, landed + 1)
      if (end > record.offset) return await this.#look(record, end)
    }
  }

  /** Something stands where the record is meant to: the record itself, of an earlier attempt, or another's. */
  async #look(record: SequencedRecord, end: number): Promise<number> {
    const { signal } = this.#options
    const first = await this.#reader.first(record.offset, end, signal)
    if (first === undefined)
      throw new LogUnknownError(`what stands at offset ${record.offset} is void: reopen and look`)
    if (first.offset !== record.offset || first.writer !== this.#writer)
      throw new LogFencedError(
        `a sequencer of generation ${first.generation} has written at offset ${first.offset}`,
      )
    const behind = await this.#reader.first(record.offset + 1, end, signal)
    if (behind !== undefined)
      throw new LogFencedError(
        `a sequencer of generation ${behind.generation} has written at offset ${behind.offset}`,
      )
    // What stands behind it are repeats of it, which are void.
    return end
  }
}
