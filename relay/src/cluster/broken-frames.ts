import { REASON_NAMES } from '@bgs/protocol/reasons/reason.ts'
import { z } from 'zod'
import type { ClusterContext } from './context.ts'
import { JsonChannel } from './json-channel.ts'

/** A frame that only the strict scan found broken (W4), from a verifier to whichever crawler has the host. */
const BrokenFrame = z.object({
  host: z.string(),
  epoch: z.number(),
  seq: z.number(),
  reason: z.enum(REASON_NAMES),
})

/** The bus in Kafka has no way back to who filled it. May lose a message: the host's next broken frame brings another. */
export function brokenFrameChannel({
  redis,
  settings,
}: ClusterContext): JsonChannel<z.infer<typeof BrokenFrame>> {
  return new JsonChannel(redis, `${settings.RELAY_KAFKA_TOPIC_PREFIX}broken`, BrokenFrame)
}
