import { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { Random } from '@bgs/simnet/random.ts'
import { deleteTopic } from '@bgs/testkit/kafka-topic.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { until } from '@bgs/testkit/until.ts'
import { expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 60_000

it(`raw and verified made anew while all roles are stopped: nothing is passed over (invariant 2; TEST_SEED=${SEED})`, async () => {
  await using cluster = await TestCluster.start({ seed: SEED, env: { RELAY_RAW_PARTITIONS: '1' } })
  const { network } = cluster
  const roles = { sequencer: 1, verifier: 1, crawler: 1, fanout: 1 }
  await cluster.addAll(roles)
  const follower = new Follower(network.model, cluster.urls, new Random(SEED))
  const kafka = new KafkaCluster(cluster.kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
  const ends = async () => {
    const end = async (topic: string) =>
      (await kafka.offsets(topic, [0], 'end', AbortSignal.timeout(10_000))).get(0) as number
    return [await end('relay.raw'), await end('relay.verified')] as const
  }
  const caughtUp = () => until('everything has come', () => follower.checker.caughtUp, CAUGHT_UP_MS)
  const [did] = [...network.residents.keys()] as [string]
  await caughtUp()
  const [raw, verified] = await ends()
  await Promise.all(cluster.roles.splice(0).map((role) => role.remove('SIGTERM')))
  for (const topic of ['relay.raw', 'relay.verified']) await deleteTopic(cluster.kafka.brokers, topic)
  kafka.forget('relay.raw')
  kafka.forget('relay.verified')
  // The new topics reach beyond the old positions before anybody reads them by these.
  await cluster.addAll({ crawler: 1, verifier: 1 })
  await until(
    'the new topics are longer',
    async () => {
      await network.commit(did, (account) => account.post())
      const [newRaw, newVerified] = await ends()
      return newRaw > raw && newVerified > verified
    },
    CAUGHT_UP_MS,
  )
  await cluster.addAll({ sequencer: 1, fanout: 1 })
  await caughtUp()
  expect(follower.checker.verdict()).toMatchObject({ ok: true })
  kafka.close()
  await follower.close()
})
