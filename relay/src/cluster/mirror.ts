import { join } from 'node:path'
import { SeqBases } from '@bgs/cluster/log/seq-bases.ts'
import type { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import { type SeqBase, type SequencedRecord, seqAt } from '@bgs/cluster/log/sequenced-record.ts'
import { type LogBounds, LogFullError } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import {
  type FiledLog,
  type LogFiles,
  SEGMENT_BYTES,
  type SegmentLog,
} from '@bgs/embedded/log/segment-log.ts'
import type { LogEdges } from '@bgs/embedded/log/segments.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { MirrorFill } from './mirror-fill.ts'
import type { MirrorOptions } from './mirror-options.ts'
import { type Kept, openKept } from './mirror-start.ts'

/** Fetched at once, and how long a fetch waits where nothing is new. */
const FETCH_BYTES = 4 * 1024 * 1024
const LONG_POLL_MS = 500
const FULL_RETRY_MS = 1_000
const TRIM_EVERY_MS = 5_000
/** Brokers may not know all yet that a copy has of them; for longer than this they have lost it. */
const AHEAD_MS = 10_000
/** A subscriber with a cursor above what is here waits so long for the word of the brokers. */
const HEAD_MS = 3_000

/**
 * The log has lost what this node has, and may have served: what it knows in memory, takedowns among it, is not to be
 * trusted. The process ends, and drops it when it starts again.
 */
export class MirrorDiffersError extends Error {
  override name = 'MirrorDiffersError'
  readonly code = 'mirror-differs'
}

/**
 * A copy of the log on this node's disk, batch by batch as the sequencer made them: every node has the same bytes under
 * the same seqs, and serves them as the embedded relay does. Fed by one tail; kept over restarts. A new one serves what is
 * new at once, and gets what is older from there backwards (`MirrorFill`).
 */
export class Mirror implements FiledLog {
  readonly #log: SegmentLog
  readonly #reader: SequencedReader
  readonly #logger: Logger
  readonly #target: number
  readonly #fillReader: SequencedReader
  readonly #fill: MirrorFill
  #bases: SeqBases | undefined
  #next: number
  #floor: number
  /** The question after the one that is under way, and the end of that one. */
  #nextHead: Promise<number> | undefined
  #asked: Promise<void> = Promise.resolve()
  /** Offset behind the newest record of the cluster, as of the last fetch. */
  #end: number
  /** Seq of the first entry that the log ever had, where it still begins with it. */
  #origin: number | undefined
  #trimmedMs = monotonicMs()
  /** When a record last came, on the clock of `monotonicMs`. */
  #lastReceivedMs = monotonicMs()
  /** Since when this node has more than the log, on the clock of `monotonicMs`. */
  #aheadSinceMs: number | undefined
  /** Times that no space was left, and that it could not be trimmed. */
  fullTimes = 0
  trimFailures = 0
  /** Seqs that were dropped when it was opened, because the log has lost what stood under them. */
  readonly dropped: number

  private constructor(options: MirrorOptions, { log, at, dropped }: Kept) {
    this.dropped = dropped
    this.#log = log
    this.#reader = options.reader
    this.#logger = options.logger
    this.#bases = at.bases
    this.#next = at.next
    this.#floor = at.floor
    this.#end = this.#target = at.end
    this.#origin = at.origin
    this.#fillReader = options.fillReader
    const parts = {
      reader: options.fillReader,
      log,
      segmentBytes: options.segments.segmentBytes ?? SEGMENT_BYTES,
      logger: options.logger,
      floor: () => this.#floor,
      onFull: () => this.fullTimes++,
    }
    this.#fill = new MirrorFill(parts, at.bottom)
  }

  /** Opens what is on disk; what is damaged, does not belong to the log, or has a hole before it, is begun anew. */
  static async open(options: MirrorOptions): Promise<Mirror> {
    let kept = await openKept(options)
    if (kept === undefined) {
      options.logger.warn(
        'the mirror on disk (copy of the log) does not match the log any more: it is fetched anew',
      )
      const { disk, folder } = options.segments
      for (const name of await disk.list(folder)) await disk.remove(join(folder, name))
      kept = (await openKept(options)) as Kept
    }
    return new Mirror(options, kept)
  }

  /** Why it cannot serve what is new yet; undefined once it has had all that there was when it was opened. */
  get notReady(): string | undefined {
    if (this.#bases === undefined) return 'no sequencer has begun the log yet'
    if (this.#isAhead) return `this node has ${this.#next - this.#end} records of the log that Kafka has lost`
    if (this.#next >= this.#target) return undefined
    return `the mirror of the log is being filled: ${this.#target - this.#next} records to come`
  }

  get #isAhead(): boolean {
    return this.#aheadSinceMs !== undefined && monotonicMs() - this.#aheadSinceMs >= AHEAD_MS
  }

  /** Records of the cluster's log that are not here yet. */
  get lag(): number {
    return Math.max(0, this.#end - this.#next)
  }

  /** Records below what is here that may yet be fetched. */
  get missing(): number {
    return this.#fill.missing
  }

  get lastReceivedMs(): number {
    return this.#lastReceivedMs
  }

  bounds(): LogBounds {
    const local = this.#log.bounds()
    if (this.#bases === undefined) return local
    const { oldest } = this.#bases
    const isEmpty = local.first === local.next
    const next = isEmpty ? this.#bases.seqOf(this.#next) : local.next
    if (!this.#fill.isDone) return { first: isEmpty ? next : local.first, next, evicted: true, filling: true }
    const isWhole = this.#floor <= oldest.from && (isEmpty || (this.#origin ?? 0) >= local.first)
    if (!isWhole) return { first: isEmpty ? next : local.first, next, evicted: true }
    // What was before this log is known by its last seq: a cursor there misses nothing.
    if (oldest.before > 0) return { first: oldest.before + 1, next, evicted: true }
    return { first: this.#bases.firstSeq, next, evicted: false }
  }

  /**
   * All that ask while the brokers are asked share the next question: it begins after theirs, so that nothing that another
   * node has served by then lies in the future; and no stranger's cursors make a question each.
   */
  head(): Promise<number> {
    if (this.#nextHead === undefined) {
      const next = this.#asked.then(() => {
        this.#nextHead = undefined
        return this.#askHead()
      })
      this.#nextHead = next
      this.#asked = next.then(
        () => undefined,
        () => undefined,
      )
    }
    return this.#nextHead
  }

  async #askHead(): Promise<number> {
    const signal = AbortSignal.timeout(HEAD_MS)
    // On the connection that never waits for what is new.
    const { floor, end } = await this.#fillReader.bounds(signal)
    // By the numbering of the newest record: this node may not have come to where that began.
    const newest = await this.#fillReader.last(floor, end, signal)
    const head = newest === undefined ? (this.#bases?.seqOf(end) ?? 0) : seqAt(newest.base, end)
    return Math.max(head, this.#log.bounds().next)
  }

  read(fromSeq: number, maxBytes: number, into?: Buffer): Promise<LogBatch[]> {
    const { first } = this.#log.bounds()
    // The log's first seqs carry no entry: nothing is missing between them and the first that does.
    const from = fromSeq >= this.bounds().first ? Math.max(fromSeq, first) : fromSeq
    return this.#log.read(from, maxBytes, into)
  }

  get files(): LogFiles {
    return this.#log.files
  }

  get edges(): LogEdges {
    return this.#log.edges
  }

  tail(listener: (batch: LogBatch) => void): () => void {
    return this.#log.tail(listener)
  }

  /**
   * Follows the log, and fetches what is older, until `signal` is aborted. Throws where it can no longer be followed without
   * a hole.
   */
  async run(signal: AbortSignal): Promise<void> {
    const fault = new AbortController()
    const both = AbortSignal.any([signal, fault.signal])
    try {
      await Promise.all([this.#follow(both), this.#fill.run(both)])
    } finally {
      fault.abort()
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { records, next, end, floor } = await this.#reader.read(
          this.#next,
          FETCH_BYTES,
          LONG_POLL_MS,
          signal,
        )
        this.#end = end
        this.#floor = floor
        if (this.#next <= end) this.#aheadSinceMs = undefined
        if (this.#next > end) await this.#lookAgain(signal)
        else if (await this.#takeTraced(records, signal)) this.#next = Math.max(this.#next, next)
        await this.#trim()
      } catch (error) {
        if (signal.aborted) return
        throw error
      }
    }
  }

  async close(): Promise<void> {
    await this.#log.close()
    this.#reader.close()
    this.#fillReader.close()
  }

  /** The log ends below what is here: it goes on under another base, or a broker does not know all of it yet. */
  async #lookAgain(signal: AbortSignal): Promise<void> {
    const wasAhead = this.#isAhead
    this.#aheadSinceMs ??= monotonicMs()
    if (this.#isAhead && !wasAhead)
      this.#logger.error(
        { next: this.#next, end: this.#end },
        'Kafka has lost records that this node has: waiting for a sequencer to continue above them',
      )
    const last = await this.#reader.last(this.#floor, this.#end, signal)
    if (last === undefined || !(await this.#goBack(last.base, signal))) await wait(LONG_POLL_MS, signal)
  }

  /**
   * Goes back to where the first base that is not known here begins: the log has lost its end, or was made anew, and
   * goes on above. False where all are known.
   */
  async #goBack(newest: SeqBase, signal: AbortSignal): Promise<boolean> {
    const known = this.#bases as SeqBases
    const found = await SeqBases.find(newest, this.#floor, this.#reader, signal)
    const [base] = found.since(known.newest)
    if (base === undefined) return false
    this.#checkShared(base)
    this.#logger.error(
      { from: base.from, next: this.#next },
      'the log has lost its last records, and continues above them',
    )
    this.#bases = known.with(base)
    this.#next = Math.max(base.from, this.#floor)
    this.#fill.noteGoesOnFrom(base.from)
    return true
  }

  /** Throws MirrorDiffersError where more is here than a numbering that begins now knows of. */
  #checkShared({ before }: SeqBase): void {
    const { first, next } = this.#log.bounds()
    if (first === next || next - 1 <= before) return
    throw new MirrorDiffersError(
      `the log has lost what this node has from seq ${before + 1} to ${next - 1}: it has to start again, without it`,
    )
  }

  #takeTraced(records: readonly SequencedRecord[], signal: AbortSignal): Promise<boolean> {
    const take = () => this.#take(records, signal)
    return records.length === 0 ? take() : inSpan('mirror batch', { records: records.length }, take)
  }

  /** Takes records over; false where the log has gone on from an earlier offset, to which it goes back. */
  async #take(records: readonly SequencedRecord[], signal: AbortSignal): Promise<boolean> {
    for (const { base, offset, batch, timeMs } of records) {
      const known = this.#bases?.newest
      if (known === undefined) this.#bases = new SeqBases([base])
      // A mirror that was away reads on under a base that a newer one has followed since.
      else if (base.base !== known.base && this.#bases?.upTo(base) === undefined) {
        if (base.from < this.#next && (await this.#goBack(base, signal))) return false
        this.#checkShared(base)
        this.#bases = (this.#bases as SeqBases).with(base)
      }
      if (batch.count > 0) {
        // Before the append: those who tail the log read it then.
        this.#origin ??= batch.firstSeq
        await this.#append(batch, timeMs, signal)
      }
      if (signal.aborted) return false
      this.#next = offset + 1
      this.#lastReceivedMs = monotonicMs()
    }
    return true
  }

  async #append(batch: LogBatch, timeMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#log.appendBatch(batch, timeMs)
        return
      } catch (error) {
        if (!(error instanceof LogFullError)) throw error
        this.fullTimes++
        this.#logger.error(
          { err: error },
          'no disk space left for the mirror (copy of the log): waiting for space',
        )
        await wait(FULL_RETRY_MS, signal)
      }
    }
  }

  async #trim(): Promise<void> {
    const nowMs = monotonicMs()
    // What is being put below the oldest segment must not find that gone; it takes no more room than there is.
    if (!this.#fill.isDone || nowMs - this.#trimmedMs < TRIM_EVERY_MS) return
    this.#trimmedMs = nowMs
    try {
      await this.#log.trim(this.#log.bounds().next)
    } catch (error) {
      this.trimFailures++
      this.#logger.warn(
        { err: error },
        'the mirror could not be trimmed to its window: it grows until it can be',
      )
    }
  }
}
