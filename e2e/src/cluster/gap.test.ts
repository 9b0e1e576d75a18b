import { KafkaCluster, REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { deleteRecords } from '@bgs/cluster/kafka/offsets.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { Random } from '@bgs/simnet/random.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DurabilityProcess } from '../embedded/durability-process.ts'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'
import type { RoleProcess } from './role-process.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const ENDED_MS = 30_000
const CAUGHT_UP_MS = 60_000

describe(`a log that no longer holds what the database lacks (invariant 5; TEST_SEED=${SEED})`, () => {
  let cluster: TestCluster
  let follower: Follower
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED })
    await cluster.addAll({ sequencer: 1, verifier: 1, crawler: 1, fanout: 1 })
    follower = new Follower(cluster.network.model, cluster.urls, new Random(SEED))
  })
  afterAll(async () => {
    await follower?.close()
    await cluster?.[Symbol.asyncDispose]()
  })

  async function command(...words: string[]): Promise<[number | null, string]> {
    const process = new DurabilityProcess(words, { ...cluster.env, RELAY_OPS_PORT: '0' })
    const { code } = await process.endedWithin(ENDED_MS)
    return [code, process.output]
  }

  it('repair says that nothing is wrong where nothing is', async () => {
    await until('everything has come', () => follower.checker.caughtUp, CAUGHT_UP_MS)
    expect(await command('repair')).toEqual([0, expect.stringContaining('nothing is to be repaired')])
  })

  it('is refused by each sequencer with exit 2 and what to do, and nothing is written', async () => {
    const [gone] = cluster.of('sequencer')
    cluster.roles.splice(cluster.roles.indexOf(gone as RoleProcess), 1)
    await gone?.remove('SIGTERM')
    // As an older backup of the database would be; and the log was trimmed since.
    await cluster.postgresRows('UPDATE view SET position = position - 1000000')
    const kafka = new KafkaCluster(cluster.kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
    const topic = 'relay.sequenced'
    const end = async () =>
      (await kafka.offsets(topic, [0], 'end', AbortSignal.timeout(10_000))).get(0) as number
    const before = await end()
    const connections = kafka.connections()
    await deleteRecords(await connections.toLeader(topic, 0), topic, new Map([[0, before - 1]]), REQUEST_MS)
    for (let i = 0; i < 2; i++)
      expect(await command('sequencer')).toEqual([2, expect.stringContaining('repair --accept-gap')])
    expect(await end()).toBe(before)
    connections.close()
    kafka.close()
  })

  it('repair says what it would cost, and does it when it is told to; then the log goes on', async () => {
    expect(await command('repair')).toEqual([1, expect.stringMatching(/what \d+ seqs changed is lost/)])
    expect(await command('repair', '--accept-gap')).toEqual([0, expect.stringContaining('given up:')])
    await cluster.add('sequencer')
    await cluster.untilReady()
    const before = follower.checker.received
    const [did] = cluster.network.residents.keys()
    await cluster.network.commit(did as string, (account) => account.post())
    await until('the next event comes', () => follower.checker.received > before, CAUGHT_UP_MS)
  })

  it('a log of another database is refused with exit 2', async () => {
    const url = await cluster.postgres.createDatabase('other')
    const foreign = { ...cluster.env, RELAY_DATABASE_URL: url, RELAY_OPS_PORT: '0' }
    const other = new DurabilityProcess(['sequencer'], { ...foreign, RELAY_KAFKA_TOPIC_PREFIX: 'other.' })
    await until('it leads a log of its own', () => other.output.includes('this sequencer leads'), ENDED_MS)
    other.signal('SIGTERM')
    await other.endedWithin(ENDED_MS)
    // It has seen more than nothing of its own log, and less than the other one holds.
    await cluster.postgresRows('UPDATE view SET position = base + 1', url)
    const process = new DurabilityProcess(['sequencer'], foreign)
    expect((await process.endedWithin(ENDED_MS)).code).toBe(2)
    expect(process.output).toContain('they do not belong together')
  })
})
