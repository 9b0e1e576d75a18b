import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import { REASON_NAMES } from '@bgs/protocol/reasons/reason.ts'
import { z } from 'zod'
import type { ClusterContext } from './context.ts'
import { JsonChannel } from './json-channel.ts'

/** From a verifier to whichever crawler has the host. */
const Frame: z.ZodType<BrokenFrame> = z.object({
  host: z.string(),
  epoch: z.number(),
  seq: z.number(),
  reason: z.enum(REASON_NAMES),
})

/** May lose a message: the host's next broken frame brings another. */
export function brokenFrameChannel({ redis, settings }: ClusterContext): JsonChannel<BrokenFrame> {
  return new JsonChannel(redis, `${settings.RELAY_KAFKA_TOPIC_PREFIX}broken`, Frame)
}
