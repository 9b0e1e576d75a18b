import { type Log, LogFullError } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { inSpan } from '@bgs/runtime/service/spans.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { Appends } from './appends.ts'
import type { InputPositions } from './input-positions.ts'
import type { SequencerMetrics } from './metrics.ts'
import type { Pulse } from './pulse.ts'

/** Wait before an append is tried again on a full disk. */
const FULL_RETRY_MS = 1_000
/** After so long input positions are written that no append has carried: all that came was rejected. */
const POSITIONS_EVERY_MS = 5_000

export interface LogWriterParts {
  readonly log: Log
  /** Up to where the topics are taken; they go with each append (invariant 9). */
  readonly inputs: InputPositions
  readonly pulse: Pulse
  readonly metrics: SequencerMetrics
  readonly logger: Logger
}

/** Writes appends to the end of the log, and with them up to where the topics are taken. */
export class LogWriter {
  /** Seq of the last entry. */
  position: number
  /** Entries appended by this process. Seqs have gaps. */
  appended = 0
  readonly #parts: LogWriterParts
  /** Since when input positions have moved that no append has carried; undefined: none have. */
  #movedMs: number | undefined

  constructor(parts: LogWriterParts, position: number) {
    this.#parts = parts
    this.position = position
  }

  /** Resolves when all of it is durable; waits where the log is full. Throws when order could no longer be kept. */
  async append(appends: Appends): Promise<void> {
    const { log, inputs, pulse, metrics, logger } = this.#parts
    this.#movedMs ??= monotonicMs()
    if (appends.entries.length === 0) return
    for (;;) {
      const end = metrics.appendSeconds.startTimer()
      try {
        const batch: LogBatch = await inSpan('append', { entries: appends.entries.length }, () =>
          log.append(appends.entries, inputs.encode()),
        )
        this.#movedMs = undefined
        end()
        if (batch.firstSeq !== appends.firstSeq)
          throw new Error(`expected seq ${appends.firstSeq}, got ${batch.firstSeq}`)
        this.position = batch.lastSeq
        this.appended += batch.count
        pulse.log = monotonicMs()
        metrics.bytes.inc(batch.bytes.length)
        metrics.head.set(batch.lastSeq)
        for (const [key, count] of appends.outcomes) {
          const [type = '', outcome = ''] = key.split(' ')
          metrics.events.inc({ type, outcome }, count)
        }
        return
      } catch (error) {
        if (!(error instanceof LogFullError)) throw error
        // Nothing is lost: hosts are read no further while this waits, for their events are not done.
        metrics.logFull.inc()
        logger.error(
          { err: error },
          'no room left for the log: waiting for disk space, hosts are read no further',
        )
        await wait(FULL_RETRY_MS)
      }
    }
  }

  /** Whether input positions have been waiting for an append for long. */
  get isPositionsDue(): boolean {
    return (
      this.#parts.log.keepsPositions &&
      this.#movedMs !== undefined &&
      monotonicMs() - this.#movedMs >= POSITIONS_EVERY_MS
    )
  }

  /** Writes the input positions alone. */
  async savePositions(): Promise<void> {
    const { log, inputs } = this.#parts
    await log.append([], inputs.encode())
    this.#movedMs = undefined
  }
}
