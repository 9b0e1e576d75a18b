import type { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import type { SequencedRecord } from '@bgs/cluster/log/sequenced-record.ts'
import { LogFullError, LogTrimmedError, LogUnknownError } from '@bgs/contract/log/log.ts'
import { isNoRoom } from '@bgs/embedded/log/disk.ts'
import type { SegmentBelow } from '@bgs/embedded/log/segment-below.ts'
import type { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { wait } from '@bgs/runtime/service/wait.ts'

const FETCH_BYTES = 4 * 1024 * 1024
/** Records that are known to be there may show a moment later on a new leader of the partition. */
const WAIT_MS = 250
const LOOKS = 40
const FULL_RETRY_MS = 1_000
/** Records of the first part, and of the largest one. */
const FIRST_RECORDS = 64
const MOST_RECORDS = 65_536
/** As in any segment: a quiet relay's window ends where its setting says. */
const MOST_SPAN_MS = 3_600_000

export interface MirrorFillParts {
  /** One of its own: what is new does not wait for what is old. */
  readonly reader: SequencedReader
  readonly log: SegmentLog
  readonly segmentBytes: number
  readonly logger: Logger
  /** Offset of the oldest record that the log still has, as of the last word of the brokers. */
  readonly floor: () => number
  readonly onFull: () => void
}

/**
 * Fills a mirror backwards, below what it serves already: part after part, each right below the one before, each a segment
 * that appears only when it is whole. So whenever it is interrupted the mirror has no hole (invariant 15), and goes on at
 * its next start.
 */
export class MirrorFill {
  readonly #parts: MirrorFillParts
  /** Offset from which on the mirror has every record. */
  #bottom: number
  #records = FIRST_RECORDS
  #isDone: boolean

  constructor(parts: MirrorFillParts, bottom: number) {
    this.#parts = parts
    this.#bottom = bottom
    this.#isDone = bottom <= parts.floor()
  }

  /** Whether the mirror has all that it can have: the log has no more, or it has no room for more. */
  get isDone(): boolean {
    return this.#isDone
  }

  /**
   * The log goes on anew from an offset: what was below the bottom is lost where that lies beneath it, and what stands there
   * now is not what came before.
   */
  noteGoesOnFrom(offset: number): void {
    if (offset < this.#bottom) this.#isDone = true
  }

  /** Records that may yet be fetched. */
  get missing(): number {
    return this.#isDone ? 0 : Math.max(0, this.#bottom - this.#parts.floor())
  }

  /** Fills until there is no more to fill, or `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { floor, log, logger } = this.#parts
    if (this.#isDone) return
    logger.info(
      { from: log.bounds().first, records: this.missing },
      'fetching older events into the mirror (copy of the log), newest first: cursors below it get 503 until then',
    )
    while (!signal.aborted && !this.#isDone) {
      if (this.#bottom <= floor() || !log.hasRoomBelow) {
        this.#isDone = true
        logger.info(
          { from: log.bounds().first },
          'the mirror (copy of the log) holds the whole replay window',
        )
        return
      }
      await this.#fillPart(signal)
    }
  }

  /** Fetches one part and puts it below; leaves all as it is where it cannot now. */
  async #fillPart(signal: AbortSignal): Promise<void> {
    const { log, logger, onFull } = this.#parts
    const from = Math.max(this.#parts.floor(), this.#bottom - this.#records)
    let below: SegmentBelow | undefined
    let isOpen = true
    try {
      const part = await log.beginBelow()
      below = part
      const isWhole = await inSpan('mirror batch', { records: this.#bottom - from }, () =>
        this.#fetch(from, part, signal),
      )
      if (isWhole && !this.#isDone) {
        isOpen = false
        await log.addBelow(part)
        this.#bottom = from
      }
    } catch (error) {
      if (signal.aborted) return
      const isFull = error instanceof LogFullError || isNoRoom(error)
      // Trimmed meanwhile: the floor is about to be heard of.
      if (!isFull && !(error instanceof LogTrimmedError)) throw error
      if (isFull) {
        onFull()
        logger.error({ err: error }, 'no disk space left for the mirror (copy of the log): waiting for space')
      }
      await wait(isFull ? FULL_RETRY_MS : WAIT_MS, signal)
    } finally {
      if (isOpen) await below?.discard()
    }
  }

  /** Fetches the records from an offset up to the bottom; false where they are too many for one segment, or it is aborted. */
  async #fetch(from: number, below: SegmentBelow, signal: AbortSignal): Promise<boolean> {
    const { reader, log, segmentBytes } = this.#parts
    const above = log.edges.oldest ?? Number.POSITIVE_INFINITY
    let empty = 0
    for (let at = from; at < this.#bottom; ) {
      const { records, next } = await reader.read(at, FETCH_BYTES, WAIT_MS, signal)
      // The log goes on anew below: what was to be fetched is no longer there.
      if (signal.aborted || this.#isDone) return false
      empty = next === at ? empty + 1 : 0
      if (empty >= LOOKS) throw new LogUnknownError(`offset ${at} of ${reader.topic} does not appear`)
      for (const record of records) {
        if (record.offset >= this.#bottom) break
        if (record.batch.count === 0) continue
        if (record.batch.lastSeq >= above) {
          // The log was begun anew: whoever follows it is about to hear of that.
          await wait(WAIT_MS, signal)
          return false
        }
        if (this.#bottom - from > 1 && isTooMuch(below, record, segmentBytes)) {
          // As many as have just fitted, and some less: the others may be larger.
          this.#records = Math.max(1, Math.floor((record.offset - from) / 2))
          return false
        }
        await below.add(record.batch, record.timeMs)
      }
      at = next
    }
    if (below.bytes < segmentBytes / 2) this.#records = Math.min(MOST_RECORDS, this.#records * 2)
    return true
  }
}

function isTooMuch(below: SegmentBelow, { batch, timeMs }: SequencedRecord, segmentBytes: number): boolean {
  return (
    below.bytes + batch.bytes.length > segmentBytes || timeMs - (below.firstTimeMs ?? timeMs) > MOST_SPAN_MS
  )
}
