import { KafkaCluster, REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { produce } from '@bgs/cluster/kafka/produce.ts'
import { describeTopics } from '@bgs/cluster/kafka/topic-admin.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import type * as topicOfTestkit from '@bgs/testkit/kafka-topic.ts'
import type * as kafkaOfTestkit from '@bgs/testkit/servers/kafka.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { expect, it } from 'vitest'
import * as topics from './kafka-topic.ts'
import { losePower } from './lose-power.ts'
import { startKafka } from './start-kafka.ts'

// What stands in for a module of the testkit is used as that is.
const { ensureTestTopic, deleteTopic, setTopic }: typeof topicOfTestkit = topics
type Real = Pick<kafkaOfTestkit.KafkaServers, 'brokers' | 'ways'>

it('the model stands in for the brokers of the testkit, links and all', async () => {
  await using kafka = await startKafka({ brokers: 3, ways: 1 })
  const { ways }: Real = kafka
  await ensureTestTopic(kafka.brokers, 'linked', 3)
  await setTopic(kafka.brokers, 'linked', 'retention.ms', '7')
  const cluster = new KafkaCluster(ways[0]?.brokers.split(',') ?? [], new ServerHealth('Kafka', silentLogger))
  expect((await cluster.topic('linked'))?.leaders).toEqual([1, 2, 3])
  expect([1, 2, 3].map((node) => cluster.address(node)?.port)).toEqual(ways[0]?.links.map(({ port }) => port))
  const connections = cluster.connections()
  const connection = await connections.toLeader('linked', 0)
  const settings = (await describeTopics(connection, ['linked'], REQUEST_MS)).get('linked')
  expect(settings?.get('retention.ms')).toBe('7')
  for (const link of ways[0]?.links ?? []) link.cut('refused')
  const value = Buffer.from('a')
  await expect(produce(connection, 'linked', [{ partition: 0, value }], REQUEST_MS)).rejects.toMatchObject({
    code: 'DISCONNECTED',
  })
  for (const link of ways[0]?.links ?? []) link.heal()
  await deleteTopic(kafka.brokers, 'linked')
  cluster.forget('linked')
  expect(await cluster.topic('linked')).toBeUndefined()
  connections.close()
  cluster.close()
})

it('a lost power leaves so many records', async () => {
  await using kafka = await startKafka()
  await ensureTestTopic(kafka.brokers, 'torn')
  const cluster = new KafkaCluster([kafka.brokers], new ServerHealth('Kafka', silentLogger))
  const connections = cluster.connections()
  for (let i = 0; i < 5; i++) {
    const connection = await connections.toLeader('torn', 0)
    await produce(connection, 'torn', [{ partition: 0, value: Buffer.from(`${i}`) }], REQUEST_MS)
  }
  await losePower(kafka, 'torn', 0, 2)
  expect((await cluster.offsets('torn', [0], 'end', new AbortController().signal)).get(0)).toBe(2)
  connections.close()
  cluster.close()
})
