import type { FiledLog } from '@bgs/embedded/log/segment-log.ts'
import type { SegmentExtent } from '@bgs/embedded/log/segments.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import type { Takedowns } from '../takedowns.ts'
import type { SharedBatch } from './log-replica.ts'
import type { MainUpdate } from './messages.ts'

/** What an update costs beside its batch, so that many small ones are bounded too. */
const UPDATE_BYTES = 1024

export interface ThreadFeedParts {
  readonly log: FiledLog
  /** As of the log's newest entry. */
  readonly takedowns: Takedowns
  readonly notReady: () => string | undefined
  readonly post: (update: MainUpdate) => void
  /** What the thread may have been sent and not have taken. */
  readonly maxBytes: number
}

/**
 * What one serving thread hears of the log. The port to it has no bound of its own (invariant 12): a thread that does
 * not take what it is sent hears nothing beyond the bound, and, once it has taken all, where the log is by then. There
 * its window begins anew; its subscribers read what it did not hear of from the segments.
 */
export class ThreadFeed {
  readonly #parts: ThreadFeedParts
  #outstandingBytes = 0
  #isBehind = false
  /** First seq of the oldest segment that the thread knows. */
  #oldest: number | undefined
  #lastReceivedMs = monotonicMs()

  constructor(parts: ThreadFeedParts) {
    this.#parts = parts
    this.#oldest = parts.log.edges.oldest
  }

  /** Bytes on their way to the thread. */
  get outstandingBytes(): number {
    return this.#outstandingBytes
  }

  /** When the thread last took a batch, or the place of those that it was not told of; on the clock of `monotonicMs`. */
  get lastReceivedMs(): number {
    return this.#lastReceivedMs
  }

  /** Tells of a batch that was committed. */
  committed(batch: SharedBatch): void {
    const bytes = batch.bytes.byteLength + UPDATE_BYTES
    // One batch always goes, whatever its size.
    const isFull = this.#outstandingBytes > 0 && this.#outstandingBytes + bytes > this.#parts.maxBytes
    this.#isBehind ||= isFull
    if (!this.#isBehind) this.#post(bytes, this.#newest(), { batch })
  }

  /** Posts what changes without a batch: trimmed segments, readiness. Not while others are on their way: more will follow. */
  refresh(): void {
    if (this.#outstandingBytes === 0) this.#post(UPDATE_BYTES, this.#newest())
  }

  /** The thread has taken updates of so many bytes. */
  taken(bytes: number): void {
    this.#outstandingBytes -= bytes
    // Updates with a batch are larger than those without one.
    if (bytes > UPDATE_BYTES) this.#lastReceivedMs = monotonicMs()
    if (!this.#isBehind || this.#outstandingBytes > 0) return
    this.#isBehind = false
    this.#lastReceivedMs = monotonicMs()
    const { log, takedowns } = this.#parts
    // In one message: before a subscriber reads further, the thread knows who was taken down in what it did not hear.
    this.#post(UPDATE_BYTES, log.files.segments, { anew: { takedowns: takedowns.dids } })
  }

  #newest(): SegmentExtent[] {
    const { newest } = this.#parts.log.edges
    return newest === undefined ? [] : [newest]
  }

  #post(
    bytes: number,
    segments: readonly SegmentExtent[],
    { batch, anew }: { batch?: SharedBatch; anew?: NonNullable<MainUpdate['anew']> } = {},
  ): void {
    const { log, notReady, post } = this.#parts
    this.#outstandingBytes += bytes
    const { oldest } = log.edges
    // A mirror that is filled backwards has got a segment below all others.
    const isDeeper = oldest !== undefined && oldest < (this.#oldest ?? Number.POSITIVE_INFINITY)
    this.#oldest = oldest
    const update = { bounds: log.bounds(), oldest, segments: isDeeper ? log.files.segments : segments }
    post({
      bytes,
      log: batch === undefined ? update : { ...update, batch },
      notReady: notReady(),
      ...(anew === undefined ? {} : { anew }),
    })
  }
}
