import { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { lostFrom } from '@bgs/cluster/kafka/leader-epochs.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { expect, it } from 'vitest'
import { kafkaScene, TOPIC } from '../../testing/kafka-scene.ts'

const { signal } = new AbortController()

/** A leader that was replaced and has not heard of it, behind which two records were written; and a client of our own. */
async function replacedLeader() {
  const scene = await kafkaScene(3)
  const { model, put, bounds } = scene
  await put('a')
  const { leader } = bounds()
  model.freeze(leader)
  model.moveLeader(TOPIC, 0)
  await put('b', bounds().leader)
  await put('c', bounds().leader)
  const { epoch } = model.records(TOPIC, 0)[2] as { epoch: number }
  const newCluster = (brokers: string) =>
    new KafkaCluster(brokers.split(','), new ServerHealth('Kafka', silentLogger))
  const ports = model.addresses.split(',')
  return { ...scene, leader, epoch, newCluster, ofFormer: ports[leader - 1] as string }
}

it('KIP-320: a leader that was replaced has not the last word on what was read', async () => {
  const { model, leader, epoch, newCluster, ofFormer } = await replacedLeader()
  // It is asked first: the client knows no other.
  const cluster = newCluster(ofFormer)
  const connections = cluster.connections()
  await cluster.topic(TOPIC)
  cluster.noteEpoch(TOPIC, 0, epoch)
  expect((await cluster.offsets(TOPIC, [0], 'end', signal)).get(0), 'by the one that leads').toBe(3)
  expect(await lostFrom(cluster, connections, TOPIC, 0, { offset: 2, epoch }, signal)).toBeUndefined()
  expect(await cluster.leader(TOPIC, 0)).not.toBe(leader)
  model.thaw(leader)
  connections.close()
  cluster.close()
})

it('where every broker says that there was no such leader, Kafka was restored: it is believed', async () => {
  const { model, epoch, newCluster } = await replacedLeader()
  model.thaw('all')
  const cluster = newCluster(model.addresses)
  await cluster.topic(TOPIC)
  cluster.noteEpoch(TOPIC, 0, epoch + 5)
  expect((await cluster.offsets(TOPIC, [0], 'end', signal)).get(0)).toBe(3)
  cluster.close()
})
