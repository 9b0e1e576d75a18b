import { type LogBounds, type LogReader, LogTrimmedError } from '@bgs/contract/log/log.ts'
import { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { readingDisk } from '@bgs/embedded/log/disk.ts'
import { Segment } from '@bgs/embedded/log/segment.ts'
import type { FiledLog, LogFiles } from '@bgs/embedded/log/segment-log.ts'
import { type SegmentExtent, Segments } from '@bgs/embedded/log/segments.ts'

/** A log as it is when another thread begins to follow it. */
export interface LogSnapshot extends LogFiles {
  readonly bounds: LogBounds
}

/** What has become of the log since the update before. */
export interface LogUpdate {
  readonly bounds: LogBounds
  /** First seq of the oldest segment. */
  readonly oldest: number | undefined
  /**
   * The newest segments, at least from the one on that was the newest in the update before; and those that have come below
   * all that were told of before.
   */
  readonly segments: readonly SegmentExtent[]
  /** A batch that was committed. */
  readonly batch?: SharedBatch
}

/** A batch in memory that the threads share. */
export interface SharedBatch {
  readonly bytes: SharedArrayBuffer
  readonly firstSeq: number
}

/**
 * A log that another thread of this process writes: hears of what is committed, and reads the segment files on its own.
 * Whoever reads it sees what readers beside the writer see, a moment later.
 */
export class LogReplica implements LogReader, Pick<FiledLog, 'files'> {
  readonly #folder: string
  readonly #segments: Segments
  readonly #head: () => Promise<number>
  readonly #onFault: (error: unknown) => void
  readonly #listeners = new Set<(batch: LogBatch) => void>()
  #bounds: LogBounds

  /** `head` asks the writer's thread; `onFault` hears of a file that could not be closed. */
  constructor(
    { folder, segments, bounds }: LogSnapshot,
    head: () => Promise<number>,
    onFault: (error: unknown) => void,
  ) {
    this.#folder = folder
    this.#segments = new Segments(
      segments.map((extent) => this.#segment(extent)),
      onFault,
    )
    this.#bounds = bounds
    this.#head = head
    this.#onFault = onFault
  }

  bounds(): LogBounds {
    return this.#bounds
  }

  get files(): LogFiles {
    return { folder: this.#folder, segments: this.#segments.extents }
  }

  head(): Promise<number> {
    return this.#head()
  }

  async read(fromSeq: number, maxBytes: number, into?: Buffer): Promise<LogBatch[]> {
    const { first, next } = this.#bounds
    const oldest = this.#segments.first?.firstSeq ?? first
    try {
      // The log's first seqs may carry no entry: nothing is missing between them and the first that does.
      return await this.#segments.read(
        fromSeq >= first ? Math.max(fromSeq, oldest) : fromSeq,
        next,
        maxBytes,
        into,
      )
    } catch (error) {
      // Trimmed a moment ago; the update about it is on its way.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new LogTrimmedError(`seq ${fromSeq} is no longer retained`, { cause: error })
    }
  }

  tail(listener: (batch: LogBatch) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes an update in; they come in the order in which they were sent. */
  apply({ bounds, oldest = 0, segments, batch }: LogUpdate): void {
    while ((this.#segments.first?.firstSeq ?? Number.POSITIVE_INFINITY) < oldest)
      this.#segments.shift()?.retire().catch(this.#onFault)
    const { first } = this.#segments
    const below = segments.filter(({ firstSeq }) => firstSeq < (first?.firstSeq ?? 0))
    for (const extent of below.toReversed()) this.#segments.addFirst(this.#segment(extent))
    for (const extent of segments) {
      const { last } = this.#segments
      if (last === undefined || last.firstSeq < extent.firstSeq) this.#segments.add(this.#segment(extent))
      else if (last.firstSeq === extent.firstSeq) last.end = extent.end
    }
    this.#bounds = bounds
    if (batch === undefined) return
    const shared = new LogBatch(Buffer.from(batch.bytes), batch.firstSeq)
    for (const listener of this.#listeners) listener(shared)
  }

  #segment({ firstSeq, end }: SegmentExtent): Segment {
    const segment = new Segment(readingDisk, this.#folder, firstSeq)
    segment.end = end
    return segment
  }
}
