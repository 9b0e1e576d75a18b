import type { HostCharge } from '@bgs/verifier/charges.ts'
import { z } from 'zod'
import type { ClusterContext } from './context.ts'
import { JsonChannel } from './json-channel.ts'

/** What a host's frames have cost, from a verifier to whichever crawler has the host. */
const Charge: z.ZodType<HostCharge> = z.object({ host: z.string(), refused: z.number(), slowMs: z.number() })

/** May lose a message: the host then is charged less. */
export function chargeChannel({ redis, settings }: ClusterContext): JsonChannel<HostCharge> {
  return new JsonChannel(redis, `${settings.RELAY_KAFKA_TOPIC_PREFIX}charges`, Charge)
}
