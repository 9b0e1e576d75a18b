import type { XrpcError } from '@bgs/api/http/xrpc-error.ts'
import { openRedis } from '@bgs/cluster/redis/redis.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { startRedis } from '@bgs/testkit/servers/redis.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SharedLimits } from './shared-limits.ts'

let server: Awaited<ReturnType<typeof startRedis>>
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  redis = openRedis(server.url, new ServerHealth('Redis', silentLogger))
  await until('Redis answers', () => redis.status === 'ready')
})
afterAll(async () => {
  redis?.disconnect()
  await server?.[Symbol.asyncDispose]()
})

/** How many calls of so many are let through. */
async function let10(limits: SharedLimits, caller: string, calls: number): Promise<number> {
  let passed = 0
  for (let i = 0; i < calls; i++)
    await limits.take('host', caller).then(
      () => passed++,
      (error: { status: number }) => expect(error.status).toBe(429),
    )
  return passed
}

describe('limits that nodes share (H6)', () => {
  it('count over all nodes', async () => {
    const nodes = [new SharedLimits(redis, 'a.'), new SharedLimits(redis, 'a.')] as const
    const passed = (await let10(nodes[0], 'pds.example', 7)) + (await let10(nodes[1], 'pds.example', 7))
    expect(passed).toBe(10)
    expect(await let10(nodes[0], 'other.example', 1)).toBe(1)
  })

  it('hold for each node alone while Redis is away, and together again when it is back', async () => {
    const limits = new SharedLimits(redis, 'b.')
    await server.kill()
    expect(await let10(limits, 'pds.example', 12)).toBe(10)
    await server.start()
    await until('Redis answers', () => redis.status === 'ready')
    expect(await let10(limits, 'pds.example', 12)).toBe(10)
  })

  it('say when to come again, and forget what Redis forgets', async () => {
    const limits = new SharedLimits(redis, 'd.')
    expect(await let10(limits, 'pds.example', 10)).toBe(10)
    const refused = await limits.take('host', 'pds.example').catch((error: unknown) => error)
    expect(refused).toMatchObject({ status: 429, code: 'RateLimitExceeded' })
    const seconds = Number((refused as XrpcError).headers['retry-after'])
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(60)
    await limits.take('address', 'pds.example')
    await server.flush()
    expect(await let10(limits, 'pds.example', 1)).toBe(1)
  })

  it('are not waited for while Redis is stuck', async () => {
    const limits = new SharedLimits(redis, 'e.')
    server.pause()
    expect(await let10(limits, 'pds.example', 2)).toBe(2)
    server.resume()
    await expect.poll(() => redis.ping().catch(() => ''), { timeout: 10_000 }).toBe('PONG')
    expect(await let10(limits, 'pds.example', 2)).toBe(2)
  })
})
