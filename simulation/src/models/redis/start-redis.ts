/** Stands in for `@bgs/testkit/servers/redis.ts` in the project `models`: the suites of the real server run on the model. */
import type { RedisServer } from '@bgs/testkit/servers/redis.ts'
import { RedisModel } from './redis-model.ts'

/** A server has a clock of its own, whatever a test makes of that of its process. */
const { now } = Date

export async function startRedis(): Promise<Omit<RedisServer, 'process'>> {
  const model = new RedisModel({ chance: Math.random, now })
  await model.start()
  return {
    url: model.url,
    flush: async () => model.flush(),
    start: async () => void (await model.start()),
    stop: async () => model.kill(),
    kill: async () => model.kill(),
    pause: () => model.pause(),
    resume: () => model.resume(),
    [Symbol.asyncDispose]: async () => model.kill(),
  }
}
