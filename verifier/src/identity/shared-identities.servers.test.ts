import { openRedis } from '@bgs/shared/redis/redis.ts'
import { ServerHealth } from '@bgs/shared/service/server-health.ts'
import { startRedis } from '@bgs/shared/testing/servers/redis.ts'
import { silentLogger } from '@bgs/shared/testing/silent-logger.ts'
import { until } from '@bgs/shared/testing/until.ts'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Identity } from './document.ts'
import { RedisIdentities } from './shared-identities.ts'

let server: Awaited<ReturnType<typeof startRedis>>
let redis: Redis
let shared: RedisIdentities
beforeAll(async () => {
  server = await startRedis()
  redis = openRedis(server.url, new ServerHealth('Redis', silentLogger))
  shared = new RedisIdentities(redis, 'test.')
  await until('Redis answers', () => redis.status === 'ready')
})
afterAll(async () => {
  redis?.disconnect()
  await server?.[Symbol.asyncDispose]()
})

const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const entry = (startedMs: number, handle: string) => ({ startedMs, found: { did: DID, handle } as Identity })
const known = async () => (await shared.get(DID))?.found.handle

it('invariant 13: what one verifier found serves the others, and never replaces what was looked up later', async () => {
  expect(await known()).toBeUndefined()
  shared.put(entry(2_000, 'second.test'))
  await expect.poll(known).toBe('second.test')
  shared.put(entry(1_000, 'first.test'))
  shared.put(entry(3_000, 'third.test'))
  await expect.poll(known).toBe('third.test')
  shared.put(entry(2_500, 'late.test'))
  await redis.ping()
  expect(await shared.get(DID)).toEqual(entry(3_000, 'third.test'))
})

it('is done without while Redis is away, at once, and forgets what Redis forgets', async () => {
  await server.flush()
  expect(await known()).toBeUndefined()
  shared.put(entry(1, 'a.test'))
  await server.kill()
  expect(await known()).toBeUndefined()
  shared.put(entry(2, 'b.test'))
  await server.start()
  await until('Redis answers', () => redis.status === 'ready')
  shared.put(entry(3, 'c.test'))
  await expect.poll(known).toBe('c.test')
})
