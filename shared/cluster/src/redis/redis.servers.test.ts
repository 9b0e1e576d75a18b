import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { type RedisServer, startRedis } from '@bgs/testkit/servers/redis.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRedis, pingRedis } from './redis.ts'
import { RedisChannel } from './redis-channel.ts'
import { RedisWakeUps } from './redis-wake-ups.ts'

const WAIT = { timeout: 15_000, interval: 10 }

let server: RedisServer
let redis: Redis
const health = new ServerHealth('Redis', silentLogger)
beforeAll(async () => {
  server = await startRedis()
  redis = openRedis(server.url, health)
  await until('Redis answers', () => redis.status === 'ready')
})
afterAll(async () => {
  redis.disconnect()
  await server[Symbol.asyncDispose]()
})

const untilBack = () => expect.poll(() => redis.ping().catch(() => ''), WAIT).toBe('PONG')

describe('a connection to Redis', () => {
  it('fails a command at once while Redis is away, and works again when it is back', async () => {
    await redis.set('a', '1')
    await server.kill()
    await expect.poll(() => redis.status, WAIT).not.toBe('ready')
    await expect(redis.get('a')).rejects.toThrow()
    await expect
      .poll(async () => {
        await pingRedis(redis, health)
        return health.trouble
      }, WAIT)
      .toContain('Redis does not answer')
    await server.start()
    await untilBack()
    expect(health.trouble).toBeUndefined()
    expect(await redis.get('a'), 'it keeps nothing').toBeNull()
  })

  it('fails a command soon while Redis is stuck, which a look at it tells, too', async () => {
    server.pause()
    await expect(redis.get('a')).rejects.toThrow()
    await expect
      .poll(async () => {
        await pingRedis(redis, health)
        return health.trouble
      }, WAIT)
      .toContain('Redis does not answer')
    server.resume()
    await untilBack()
    await pingRedis(redis, health)
    expect(health.trouble).toBeUndefined()
  })
})

describe('what processes say to one another', () => {
  it('is heard by all who listen, each channel for itself, again after Redis was away', async () => {
    const received: Record<string, string[]> = { a: [], b: [], other: [] }
    const channels = Object.keys(received).map((who) => {
      const channel = new RedisChannel(redis, who === 'other' ? 'other' : 'channel')
      channel.listen((text) => received[who]?.push(text))
      return channel
    })
    const publish = async (text: string) =>
      expect
        .poll(() => {
          channels[0]?.send(text)
          return [received.a, received.b].every((all) => all?.includes(text))
        }, WAIT)
        .toBe(true)
    await publish('before')
    await server.kill()
    channels[0]?.send('to nobody')
    await server.start()
    await publish('after')
    server.pause()
    channels[0]?.send('stuck')
    server.resume()
    await publish('later')
    expect(received.other).toEqual([])
    for (const channel of channels) channel.close()
  })

  it('wakes who waits for that topic, in every process', async () => {
    const [here, there] = [new RedisWakeUps(redis, 'w.'), new RedisWakeUps(redis, 'w.')]
    const woken = new Set<string>()
    here.on('hosts', () => woken.add('here'))
    there.on('hosts', () => woken.add('there'))
    there.on('hosts', () => woken.add('there, too'))
    const wakes = () =>
      expect
        .poll(() => {
          here.emit('hosts')
          return woken.size
        }, WAIT)
        .toBe(3)
    await wakes()
    await server.kill()
    await server.start()
    woken.clear()
    await wakes()
    here.close()
    there.close()
  })
})
