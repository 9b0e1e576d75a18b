import type { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import type { SegmentLogOptions } from '@bgs/embedded/log/segment-log.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'

export interface MirrorOptions {
  readonly reader: SequencedReader
  /** A second one, for what is older than what is served first. */
  readonly fillReader: SequencedReader
  /**
   * Seq from which on the log is needed at once: what the database does not have yet. A mirror that has nothing begins
   * there, and is filled backwards meanwhile; 0: with all that the log has.
   */
  readonly from: number
  readonly segments: Omit<SegmentLogOptions, 'seenPosition' | 'clean' | 'sync' | 'generation'>
  readonly logger: Logger
  readonly signal: AbortSignal
}
