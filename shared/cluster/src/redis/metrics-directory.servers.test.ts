import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { type RedisServer, startRedis } from '@bgs/testkit/servers/redis.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MetricsDirectory } from './metrics-directory.ts'
import { openRedis } from './redis.ts'

const WAIT = { timeout: 15_000, interval: 10 }

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  redis = openRedis(server.url, new ServerHealth('Redis', silentLogger))
  await until('Redis answers', () => redis.status === 'ready')
})
afterAll(async () => {
  redis.disconnect()
  await server[Symbol.asyncDispose]()
})

function directory(id: string, prefix = 'a:'): MetricsDirectory {
  return new MetricsDirectory(redis, prefix, id, async () => ({ id, role: 'crawler', figures: [] }))
}

it('each process is known to all of its cluster; while Redis is away each knows itself', async () => {
  const running = new AbortController()
  const [one, two, other] = [directory('1'), directory('2'), directory('3', 'b:')]
  const runs = [one, two, other].map((each) => each.run(running.signal))
  const ids = async (of: MetricsDirectory) => (await of.list()).map(({ id }) => id)
  await expect.poll(() => ids(one), WAIT).toEqual(['1', '2'])
  await expect.poll(() => ids(two), WAIT).toEqual(['2', '1'])
  expect(await redis.ttl('a:figures:1')).toBeLessThanOrEqual(10)
  await server.kill()
  await expect.poll(() => ids(one), WAIT).toEqual(['1'])
  running.abort()
  await Promise.all(runs)
})
