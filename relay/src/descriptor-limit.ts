import { MAX_SUBSCRIBERS } from '@bgs/fanout/subscribe/subscriptions.ts'
import { descriptors } from '@bgs/runtime/service/descriptors.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'

/** Beside those of subscribers: a host each, files of the log, servers, look-ups of names. */
const OTHERS = 4_096

/** Says so where this process may open fewer files than it has subscribers and hosts at most. */
export function checkDescriptorLimit(logger: Logger, limit = descriptors.limit): void {
  const wanted = MAX_SUBSCRIBERS + OTHERS
  if (limit === undefined || limit >= wanted) return
  logger.warn(
    { limit, wanted },
    'this process may open few files (ulimit -n): when they run short, subscribers are turned away and hosts wait',
  )
}
