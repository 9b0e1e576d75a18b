import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DurabilityProcess } from '../embedded/durability-process.ts'
import { TestCluster } from './cluster.ts'

const ENDED_MS = 30_000
const ROLES = ['crawler', 'verifier', 'sequencer', 'fanout'] as const

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ seed: 1 })
  await cluster.addAll({ sequencer: 1 })
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

/** Runs a role to its end; resolves to its exit code and what it said. */
async function run(role: string, env: Record<string, string>): Promise<[number | null, string]> {
  const process = new DurabilityProcess([role], { RELAY_OPS_PORT: '0', RELAY_PORT: '0', ...env })
  const { code } = await process.endedWithin(ENDED_MS)
  return [code, process.output]
}

it.each(ROLES)('%s without its servers: exit 2, and the settings by name', async (role) => {
  const [code, output] = await run(role, { RELAY_REDIS_URL: cluster.redis.url })
  expect(code).toBe(2)
  expect(output).toContain('RELAY_DATABASE_URL')
  expect(output).toContain('RELAY_KAFKA_BROKERS')
})

it.each(ROLES)(
  '%s where the topics have another number of partitions: exit 2, and what to do',
  async (role) => {
    const [code, output] = await run(role, { ...cluster.env, RELAY_RAW_PARTITIONS: '5' })
    expect(code).toBe(2)
    expect(output).toContain('has 8 partitions, not 5: set RELAY_RAW_PARTITIONS=8')
  },
)

it('a database of a newer version: exit 2, and it is left alone', async () => {
  const url = await cluster.postgres.createDatabase('newer')
  const first = await PostgresDatabase.open(url)
  await first.query('UPDATE schema_version SET version = 999')
  await first.close()
  const [code, output] = await run('crawler', { ...cluster.env, RELAY_DATABASE_URL: url })
  expect(code).toBe(2)
  expect(output).toContain('999')
})

it('a password is never said', async () => {
  const url = 'postgres://relay:hunter2@127.0.0.1:1/relay'
  const process = new DurabilityProcess(['crawler'], {
    ...cluster.env,
    RELAY_DATABASE_URL: url,
    RELAY_OPS_PORT: '0',
  })
  await expect.poll(() => process.output, { timeout: ENDED_MS }).toContain('does not answer')
  process.signal('SIGTERM')
  expect((await process.endedWithin(ENDED_MS)).code, 'a stop while it waits for its servers').toBe(0)
  expect(process.output).not.toContain('hunter2')
})
