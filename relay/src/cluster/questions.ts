import { z } from 'zod'
import type { ClusterContext } from './context.ts'
import { JsonChannel } from './json-channel.ts'

/** A question for an account's status (C1), from the sequencer to whichever crawler has the host. */
const Question = z.object({ did: z.string(), host: z.string(), version: z.number() })

export type QuestionChannel = JsonChannel<z.infer<typeof Question>>

/** May lose a question: the account's next commit asks again. */
export function questionChannel({ redis, settings }: ClusterContext): QuestionChannel {
  return new JsonChannel(redis, `${settings.RELAY_KAFKA_TOPIC_PREFIX}questions`, Question)
}
