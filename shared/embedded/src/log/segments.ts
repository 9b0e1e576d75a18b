import { LogTrimmedError } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import type { Segment } from './segment.ts'

/** Files of older segments kept open for subscribers that read them. */
const MAX_OPEN = 64

/** Where a segment begins, and how many of its bytes are committed. */
export interface SegmentExtent {
  readonly firstSeq: number
  readonly end: number
}

/** Where the files of a log begin and end. */
export interface LogEdges {
  /** First seq of the oldest segment. */
  readonly oldest: number | undefined
  readonly newest: SegmentExtent | undefined
}

/** The segment files of one log in order, read by anybody who has a position; few of them are open at once. */
export class Segments {
  #all: readonly Segment[]
  /** Older segments that were read, least recently first. */
  readonly #open = new Set<Segment>()
  readonly #onFault: (error: unknown) => void

  /** `onFault` hears of a file that could not be closed. */
  constructor(all: readonly Segment[], onFault: (error: unknown) => void) {
    this.#all = all
    this.#onFault = onFault
  }

  get all(): readonly Segment[] {
    return this.#all
  }

  get first(): Segment | undefined {
    return this.#all[0]
  }

  get last(): Segment | undefined {
    return this.#all.at(-1)
  }

  /** Committed bytes of all of them. */
  get bytes(): number {
    return this.#all.reduce((sum, segment) => sum + segment.end, 0)
  }

  get extents(): SegmentExtent[] {
    return this.#all.map(extentOf)
  }

  get edges(): LogEdges {
    const { first, last } = this
    return { oldest: first?.firstSeq, newest: last === undefined ? undefined : extentOf(last) }
  }

  add(segment: Segment): void {
    this.#all = [...this.#all, segment]
  }

  /** Adds one that lies below all others. */
  addFirst(segment: Segment): void {
    this.#all = [segment, ...this.#all]
  }

  /** Takes the oldest one out; readers that are in it may finish. */
  shift(): Segment | undefined {
    const [oldest, ...rest] = this.#all
    this.#all = rest
    if (oldest !== undefined) this.#open.delete(oldest)
    return oldest
  }

  /** As LogReader.read has it, of what lies below `next`. */
  async read(fromSeq: number, next: number, maxBytes: number, into?: Buffer): Promise<LogBatch[]> {
    const { first } = this
    if (first === undefined || fromSeq >= next) return []
    if (fromSeq < first.firstSeq)
      throw new LogTrimmedError(`seq ${fromSeq} is below ${first.firstSeq}, the oldest retained`)
    let segment = this.#all.findLast(({ firstSeq }) => firstSeq <= fromSeq)
    while (segment !== undefined) {
      this.#keepOpen(segment)
      const batches = await segment.read(fromSeq, maxBytes, into)
      if (batches.length > 0) return batches
      // By seq and not by index: segments may have been added or trimmed meanwhile.
      const behind = segment.firstSeq
      segment = this.#all.find(({ firstSeq }) => firstSeq > behind)
    }
    return []
  }

  async close(): Promise<void> {
    for (const segment of this.#all) await segment.close()
  }

  #keepOpen(segment: Segment): void {
    if (segment === this.last) return
    this.#open.delete(segment)
    this.#open.add(segment)
    if (this.#open.size <= MAX_OPEN) return
    for (const oldest of this.#open) {
      if (!oldest.idle) continue
      this.#open.delete(oldest)
      oldest.close().catch(this.#onFault)
      return
    }
  }
}

function extentOf({ firstSeq, end }: Segment): SegmentExtent {
  return { firstSeq, end }
}
