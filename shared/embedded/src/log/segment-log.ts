/**
 * The embedded log. Each append is one batch in the newest segment file, behind a header with a checksum
 * (batch-header.ts, and log-batch.ts in shared/contract). A segment is closed after 64 MiB or an hour (segment.ts, segments.ts).
 *
 * An append: 1. header and batch are written behind the last batch, durably (O_DSYNC); 2. `next` moves on, and those who
 * follow the log hear of the batch; 3. the caller is answered. Nobody sees a seq before it is durable.
 *
 * - Killed before 1 has ended: the next start cuts the torn batch (recover.ts), and leaves a million seqs out, for the disk
 *   may have lost batches that it had called durable and that were served (invariant 10).
 * - No room at 1: what was written is cut off again, durably. LogFullError: the caller tries again.
 * - 1 fails otherwise: nobody knows what is on the disk. LogUnknownError: this log is of no more use; open it anew and look.
 * - Damage with whole batches behind it is no torn tail. LogUnknownError: an operator decides (`repair`).
 */

import {
  FIRST_SEQ,
  GAP_AFTER_LOSS,
  type Log,
  type LogBounds,
  LogFullError,
  type LogReader,
  LogTooLargeError,
  LogUnknownError,
} from '@bgs/contract/log/log.ts'
import { batchBytes, LogBatch, type LogEntry, writeBatch } from '@bgs/contract/log/log-batch.ts'
import { crashPoint } from '@bgs/runtime/service/crash-point.ts'
import { SteadyClock } from '@bgs/runtime/service/steady-clock.ts'
import { BATCH_HEADER_BYTES, MAX_BATCH_BYTES, sealBatch } from './batch-header.ts'
import { type Disk, type DiskFile, isNoRoom } from './disk.ts'
import { type Recovered, recover } from './recover.ts'
import { Segment } from './segment.ts'
import { SegmentBelow } from './segment-below.ts'
import { type LogEdges, type SegmentExtent, Segments } from './segments.ts'

/**
 * Seqs left out after a start that may have lost a tail, for each life since the last one that left an entry: more
 * than one segment can hold, so that nothing that was ever served is numbered again even where the disk lost what it
 * had called durable, several times over (invariant 10, X1).
 */
const GAP_AFTER_CRASH = 2 ** 20

/** Where a log's segment files lie, and what of them is committed. */
export interface LogFiles {
  readonly folder: string
  readonly segments: readonly SegmentExtent[]
}

/** A log whose segment files others may read. */
export interface FiledLog extends LogReader {
  readonly files: LogFiles
  readonly edges: LogEdges
}

export interface SegmentLogOptions {
  readonly folder: string
  readonly disk: Disk
  /** Generation of this process's life, from the lock (invariant 9). Raised above any found in the log. */
  readonly generation: number
  readonly retentionMs: number
  readonly retentionBytes: number
  /** Highest position the database has seen; 0: none. */
  readonly seenPosition: number
  /** Whether the last process closed the log properly. */
  readonly clean: boolean
  readonly segmentBytes?: number
  /** The time of day, and a clock that only goes on: for a test, by default the same. */
  readonly now?: () => number
  readonly mono?: () => number
  readonly acceptGap?: boolean
  /** False for a copy of what is durable elsewhere: what a crash of the machine costs is fetched again. */
  readonly sync?: boolean
}

export const SEGMENT_BYTES = 64 * 1024 * 1024
/** Up to here a batch is copied behind its header: to copy it costs less than a second write. */
const COPIED_BYTES = 256 * 1024
/** Where a log that was found so goes on (invariant 10). */
function nextSeq(found: Recovered, generation: number, options: SegmentLogOptions): number {
  // A copy has the seqs of what it copies: it goes on right behind what it holds.
  if (options.sync === false) return Math.max(found.next, FIRST_SEQ)
  const next = Math.max(found.next, found.named, FIRST_SEQ)
  if (options.seenPosition >= next) return options.seenPosition + 1 + GAP_AFTER_LOSS
  if (found.named === 0 || (options.clean && found.cutBytes === 0)) return next
  // Counted from the last entry, so that it rises with the generation whatever empty segment was found or lost.
  const lives = generation - found.generation
  return Math.max(
    found.next + lives * GAP_AFTER_CRASH,
    found.named + (found.next === 0 ? lives : 1) * GAP_AFTER_CRASH,
  )
}

/** The embedded log: segment files, one durable write for each append. */
export class SegmentLog implements Log, FiledLog {
  /** The bus that positions speak of is in memory and ends with the process. */
  readonly keepsPositions = false
  readonly checkpoint = null
  readonly generation: number
  /** Bytes of a torn tail that were cut when the log was opened. */
  readonly cutBytes: number
  readonly #options: SegmentLogOptions
  readonly #segmentBytes: number
  /** Of batches: their times never go back, nor ahead because a clock was set for a moment. */
  readonly #stampClock: SteadyClock
  /** Of the window, which must not be thrown away early: goes on from the newest batch's time. */
  readonly #windowClock: SteadyClock
  #timeMs: number
  readonly #segments: Segments
  #next: number
  /** Trimmed, and its file not removed yet. */
  #leaving: Segment | undefined
  #appending = false
  #broken: Error | undefined
  readonly #listeners = new Set<(batch: LogBatch) => void>()

  private constructor(
    options: SegmentLogOptions,
    segments: readonly Segment[],
    next: number,
    generation: number,
    { cutBytes, newestMs }: Recovered,
  ) {
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    const { now, mono = now } = options
    this.#stampClock = new SteadyClock(undefined, now, mono)
    this.#windowClock = new SteadyClock(newestMs === 0 ? undefined : newestMs, now, mono)
    this.#timeMs = newestMs
    this.#segments = new Segments(segments, (error) => {
      this.#broken ??= error as Error
    })
    this.#next = next
    this.generation = generation
    this.cutBytes = cutBytes
  }

  /** Opens the folder for writing: recovers what is there, and never numbers anew what may have been served. */
  static async open(options: SegmentLogOptions): Promise<SegmentLog> {
    const { disk, folder, acceptGap = false, sync } = options
    const found = await recover(disk, folder, { acceptGap, isCopy: sync === false })
    const generation = Math.max(options.generation, found.generation + 1)
    const next = nextSeq(found, generation, options)
    return new SegmentLog(options, found.segments, next, generation, found)
  }

  bounds(): LogBounds {
    const first = this.#segments.first?.firstSeq ?? this.#next
    return { first, next: this.#next, evicted: first > FIRST_SEQ }
  }

  async append(entries: readonly LogEntry[]): Promise<LogBatch> {
    const bytes = batchBytes(entries)
    this.#check(bytes)
    const firstSeq = this.#next
    // Header and batch in one buffer: one write.
    const sealed = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + bytes)
    writeBatch(sealed, BATCH_HEADER_BYTES, entries, firstSeq)
    const batch = new LogBatch(sealed.subarray(BATCH_HEADER_BYTES), firstSeq)
    const timeMs = Math.max(this.#timeMs, this.#stampClock.now())
    sealBatch(sealed, batch.bytes, this.#header(batch, timeMs))
    return this.#append([sealed], batch, timeMs)
  }

  /**
   * Appends a batch as another log made it, under its own seqs, which must lie above all that is here: for a mirror. The
   * batch's bytes are kept.
   */
  async appendBatch(batch: LogBatch, timeMs: number): Promise<LogBatch> {
    this.#check(batch.bytes.length)
    if (batch.firstSeq < this.#next)
      throw new RangeError(`seq ${batch.firstSeq} is mirrored already: next is ${this.#next}`)
    const head = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
    sealBatch(head, batch.bytes, this.#header(batch, timeMs))
    const isSmall = batch.bytes.length <= COPIED_BYTES
    return this.#append(isSmall ? [Buffer.concat([head, batch.bytes])] : [head, batch.bytes], batch, timeMs)
  }

  /** Whether a copy may hold more below what it has: the window reaches further back, and there is room for a segment. */
  get hasRoomBelow(): boolean {
    const { first, bytes } = this.#segments
    if (bytes + this.#segmentBytes > this.#options.retentionBytes) return false
    return (
      first === undefined ||
      first.end === 0 ||
      first.firstTimeMs >= this.#windowClock.now() - this.#options.retentionMs
    )
  }

  /** Begins a segment that is to go below all that is here, of about `segmentBytes`: see addBelow. */
  beginBelow(): Promise<SegmentBelow> {
    return SegmentBelow.begin(this.#options.disk, this.#options.folder, this.generation)
  }

  /**
   * Puts a segment below all that is here, for a mirror that is filled backwards; nothing may be missing between the two.
   * Nothing may be trimmed meanwhile. Throws RangeError where it does not lie below.
   */
  async addBelow(below: SegmentBelow): Promise<void> {
    const { first } = this.#segments
    if (first !== undefined && below.lastSeq >= first.firstSeq)
      throw new RangeError(`seq ${below.lastSeq} does not lie below ${first.firstSeq}`)
    const segment = await below.finish()
    if (segment === undefined) return
    this.#segments.addFirst(segment)
    this.#next = Math.max(this.#next, below.lastSeq + 1)
  }

  #check(bytes: number): void {
    if (this.#broken !== undefined)
      throw new LogUnknownError('the log failed before', { cause: this.#broken })
    if (this.#appending) throw new Error('one append at a time')
    if (bytes > MAX_BATCH_BYTES) throw new LogTooLargeError(`${bytes} bytes in one append`)
  }

  #header({ firstSeq, count }: LogBatch, timeMs: number) {
    return { generation: this.generation, firstSeq, timeMs, count }
  }

  async #append(sealed: readonly Buffer[], batch: LogBatch, timeMs: number): Promise<LogBatch> {
    this.#appending = true
    try {
      const bytes = sealed.reduce((sum, part) => sum + part.length, 0)
      const segment = await this.#writable(bytes, batch.firstSeq, timeMs)
      await this.#write(segment, sealed)
      segment.noteBatch(batch.firstSeq, segment.end)
      segment.noteWhole(segment.end, segment.end + bytes)
      segment.end += bytes
      this.#next = batch.firstSeq + batch.count
      this.#timeMs = timeMs
      for (const listener of this.#listeners) listener(batch)
      return batch
    } finally {
      this.#appending = false
    }
  }

  read(fromSeq: number, maxBytes: number, into?: Buffer): Promise<LogBatch[]> {
    return this.#segments.read(fromSeq, this.#next, maxBytes, into)
  }

  /** The files as they are now, for those who read them on their own (`LogReplica`). */
  get files(): LogFiles {
    return { folder: this.#options.folder, segments: this.#segments.extents }
  }

  get edges(): LogEdges {
    return this.#segments.edges
  }

  async head(): Promise<number> {
    return this.#next
  }

  tail(listener: (batch: LogBatch) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async trim(position: number): Promise<void> {
    await this.#removeLeaving()
    let { bytes } = this.#segments
    const oldest = this.#windowClock.now() - this.#options.retentionMs
    let removed = false
    for (;;) {
      const [segment, after] = this.#segments.all
      if (segment === undefined || after === undefined) break
      const beyond = after.firstTimeMs < oldest || bytes > this.#options.retentionBytes
      // Before a segment that holds nothing yet, the last one says where the log ends and how old it is.
      if (!beyond || after.end === 0 || after.firstSeq > position + 1) break
      this.#leaving = this.#segments.shift()
      bytes -= segment.end
      await this.#removeLeaving()
      removed = true
    }
    if (removed) await this.#options.disk.syncFolder(this.#options.folder)
  }

  /** None behind it goes before it: what is left of a log must have no hole when it is opened again. */
  async #removeLeaving(): Promise<void> {
    await this.#leaving?.remove()
    this.#leaving = undefined
  }

  async close(): Promise<void> {
    this.#broken ??= new Error('closed')
    this.#listeners.clear()
    await this.#segments.close()
  }

  async #writable(bytes: number, firstSeq: number, timeMs: number): Promise<Segment> {
    const { last } = this.#segments
    // An hour at most in one segment, so that a quiet relay's window ends where its setting says.
    const old =
      last !== undefined &&
      last.end > 0 &&
      timeMs - last.firstTimeMs > Math.min(3_600_000, this.#options.retentionMs)
    if (last?.end === 0) last.firstTimeMs = timeMs
    if (last !== undefined && !old && (last.end === 0 || last.end + bytes <= this.#segmentBytes)) return last
    const segment = new Segment(this.#options.disk, this.#options.folder, firstSeq)
    segment.firstTimeMs = timeMs
    try {
      // Of a copy only the newest segment may be lost with the machine's power: that is what is looked through at a start.
      if (last !== undefined && this.#options.sync === false) await (await last.file()).datasync()
      await segment.file()
      await this.#options.disk.syncFolder(this.#options.folder)
    } catch (error) {
      await segment.close().catch(() => undefined)
      throw this.#failed(error)
    }
    this.#segments.add(segment)
    // Handles of older segments are opened again when a subscriber reads them.
    if (last?.idle === true) await last.close()
    return segment
  }

  async #write(segment: Segment, sealed: readonly Buffer[]): Promise<void> {
    let file: DiskFile
    try {
      file = await segment.file()
    } catch (error) {
      throw this.#failed(error)
    }
    const isSynced = this.#options.sync ?? true
    try {
      let at = segment.end
      for (const part of sealed) {
        if (isSynced) await file.writeDurably(part, at)
        else await file.write(part, at)
        at += part.length
      }
    } catch (error) {
      if (!isNoRoom(error)) throw this.#failed(error)
      try {
        // Durably, for the next append may go into another segment, behind which torn bytes would be damage.
        await file.truncate(segment.end)
        await file.datasync()
      } catch (cause) {
        this.#broken = cause as Error
        throw new LogUnknownError('a failed append could not be taken back', { cause })
      }
      throw this.#failed(error)
    }
    crashPoint('after-write')
    segment.cutIndex(segment.end)
  }

  #failed(error: unknown): Error {
    const code = (error as NodeJS.ErrnoException).code
    if (isNoRoom(error)) return new LogFullError(`no room left for the log: ${code}`, { cause: error })
    this.#broken = error as Error
    return new LogUnknownError('the log could not be written', { cause: error })
  }
}
