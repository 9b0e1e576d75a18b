import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'

/** What `raw` and `verified` have in common: whose event it is. */
interface Event {
  readonly host: string
  readonly did: string
}

/**
 * Notes an event that could not be written into a record of the bus: rejected as `internal-error`, for all that is read
 * of a frame is bounded, and its operator is told (invariant 14).
 */
export function noteUnwritable(
  rejections: RejectionRecorder,
  logger: Logger,
  { host, did }: Event,
  error: unknown,
): void {
  rejections.note({ host, did, seq: -1, reason: 'internal-error', detail: (error as Error).message })
  logger.error({ err: error, host, did }, 'an event could not be encoded for Kafka: please report it')
}
