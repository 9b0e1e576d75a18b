import { RedisChannel } from '@bgs/shared/redis/redis-channel.ts'
import { z } from 'zod'
import type { ClusterContext } from './context.ts'

/** A question for an account's status (C1), from the sequencer to whichever crawler has the host. */
const Question = z.object({ did: z.string(), host: z.string(), version: z.number() })

/** May lose a question: the account's next commit asks again. */
export function questionChannel({ redis, settings }: ClusterContext): RedisChannel {
  return new RedisChannel(redis, `${settings.RELAY_KAFKA_TOPIC_PREFIX}questions`)
}

/** Undefined for what is no question. */
export function readQuestion(text: string): z.infer<typeof Question> | undefined {
  try {
    return Question.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
