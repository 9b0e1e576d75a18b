import { openRedis } from '@bgs/cluster/redis/redis.ts'
import { RedisChannel } from '@bgs/cluster/redis/redis-channel.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { expect, it } from 'vitest'
import { RedisModel } from './redis-model.ts'

it('a Redis that comes back and is gone again before it answers ends nobody (a rejection without a handler would)', async () => {
  const model = new RedisModel({ chance: () => 0 })
  await model.start()
  const redis = openRedis(`${model.url}/2`, new ServerHealth('Redis', silentLogger))
  const heard: string[] = []
  const channel = new RedisChannel(redis, 'channel')
  channel.listen((text) => heard.push(text))
  const says = async (text: string) =>
    expect
      .poll(
        () => {
          channel.send(text)
          return heard.at(-1)
        },
        { timeout: 10_000, interval: 5 },
      )
      .toBe(text)
  await says('before')
  // Cut at any moment of the handshake, again and again. Vitest fails where a rejection has no handler.
  model.mood.commandMs = 3
  for (let i = 0; i < 60; i++) {
    model.cutConnections()
    await new Promise((resolve) => setTimeout(resolve, 5 + (i % 30) * 3))
  }
  model.mood.commandMs = 0
  await says('after')
  channel.close()
  redis.disconnect()
  model.kill()
}, 60_000)
