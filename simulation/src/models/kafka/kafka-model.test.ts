import { REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { lostFrom } from '@bgs/cluster/kafka/leader-epochs.ts'
import { leaderLogDirs } from '@bgs/cluster/kafka/log-dirs.ts'
import { deleteRecords, listOffsets } from '@bgs/cluster/kafka/offsets.ts'
import { readBatches } from '@bgs/cluster/kafka/record-batch.ts'
import { createTopics } from '@bgs/cluster/kafka/topic-admin.ts'
import { expect, it } from 'vitest'
import { kafkaScene, TOPIC } from '../../testing/kafka-scene.ts'

const WAIT = { timeout: 5_000, interval: 2 }
const NEVER = new AbortController().signal

it('a long poll is answered when something comes, and a leader change ends it and what is being written', async () => {
  const { model, put, get, texts, bounds } = await kafkaScene(3)
  const polled = get(0, 5_000)
  await put('a')
  expect(texts(await polled)).toEqual(['a'])
  const again = get(1, 5_000)
  model.pace.replicationMs = 1_000
  const underWay = put('b')
  await expect.poll(() => bounds().end, WAIT).toBe(2)
  const { leader, epoch } = bounds()
  expect(model.moveLeader(TOPIC, 0)).not.toBe(leader)
  expect((await again).error?.code).toBe('NOT_LEADER_OR_FOLLOWER')
  expect((await underWay).error?.code).toBe('NOT_LEADER_OR_FOLLOWER')
  expect(bounds()).toMatchObject({ epoch: epoch + 1, end: 1 })
})

it('what the followers have by then, and no more, outlives a leader that dies', async () => {
  const { model, lot, put, bounds, kept } = await kafkaScene(3)
  await put('all have it')
  model.pace.replicationMs = 10_000
  const unknown = put('the followers may have it')
  unknown.catch(() => undefined)
  await expect.poll(() => bounds().end, WAIT).toBe(2)
  const { leader, epoch } = bounds()
  expect(bounds().highWatermark).toBe(1)
  lot.draw = 0.99
  model.pace.replicationMs = 1
  model.kill(leader)
  await expect(unknown).rejects.toMatchObject({ code: 'DISCONNECTED' })
  await expect.poll(() => bounds().leader, WAIT).not.toBe(leader)
  expect(bounds().epoch).toBe(epoch + 1)
  expect(kept()).toEqual(['all have it', 'the followers may have it'])
  await expect.poll(() => bounds().highWatermark, WAIT).toBe(2)
  expect(await put('and so on')).toMatchObject({ offset: 2, error: undefined })
})

it('with fewer in sync than must be nothing is appended; without most brokers nobody leads in their place', async () => {
  const { model, put, bounds, cluster } = await kafkaScene(3, { 'min.insync.replicas': '2' })
  await put('a')
  model.stop(3)
  expect((await put('b')).error).toBeUndefined()
  const { leader } = bounds()
  const other = leader === 1 ? 2 : 1
  model.stop(other)
  expect((await put('c', leader)).error?.code).toBe('NOT_ENOUGH_REPLICAS')
  model.kill(leader)
  await model.listen(3)
  cluster.forget(TOPIC)
  expect(await cluster.leader(TOPIC, 0), 'as far as anybody knows').toBe(leader)
  await model.listen(leader)
  await expect.poll(async () => (await put('d')).error?.code, WAIT).toBeUndefined()
})

it('the only broker leads again after a restart, under the next epoch, with all that it had', async () => {
  const { model, put, bounds, kept } = await kafkaScene()
  await put('a')
  const { epoch } = bounds()
  model.kill(1)
  await model.listen(1)
  expect(bounds()).toMatchObject({ leader: 1, epoch: epoch + 1, highWatermark: 1 })
  await expect.poll(() => put('b').catch(() => undefined), WAIT).toMatchObject({ offset: 1 })
  model.stop(1)
  expect(bounds().leader).toBe(-1)
  await model.listen(1)
  expect(bounds()).toMatchObject({ leader: 1, epoch: epoch + 2 })
  expect(kept()).toEqual(['a', 'b'])
})

it('a lost tail shows in the epochs (KIP-320), however far the partition has grown again', async () => {
  const { model, cluster, connections, put, get, bounds } = await kafkaScene()
  for (const text of ['a', 'b', 'c']) await put(text)
  const [, , last] = readBatches((await get(0)).bytes, 0)
  const upTo = { offset: last?.offset ?? -1, epoch: last?.epoch ?? -1 }
  const lost = () => lostFrom(cluster, connections, TOPIC, 0, upTo, NEVER)
  expect(await lost()).toBeUndefined()
  model.loseTail(TOPIC, 0, 2)
  expect(bounds()).toMatchObject({ end: 1, highWatermark: 1, epoch: upTo.epoch + 1 })
  expect((await get(2)).error?.code).toBe('OFFSET_OUT_OF_RANGE')
  for (const text of ['x', 'y', 'z']) await put(text)
  expect(await lost()).toBe(1)
  await deleteRecords(await connections.toLeader(TOPIC, 0), TOPIC, new Map([[0, 2]]), REQUEST_MS)
  expect(await lost(), 'of its epoch nothing is left').toBe(2)
})

it('a new leader tells no end before it knows what is committed (KIP-207)', async () => {
  const { model, cluster, connections, put, bounds } = await kafkaScene(3)
  await put('a')
  model.pace.replicationMs = 20
  model.moveLeader(TOPIC, 0)
  // By chance it has not heard yet that the record is committed.
  expect(bounds()).toMatchObject({ highWatermark: 0, end: 1 })
  cluster.forget(TOPIC)
  const ask = async () =>
    listOffsets(await connections.toLeader(TOPIC, 0), TOPIC, [{ partition: 0 }], 'end', REQUEST_MS)
  await expect(ask()).rejects.toMatchObject({ code: 'ERROR_78' })
  expect((await cluster.offsets(TOPIC, [0], 'end', NEVER)).get(0)).toBe(1)
})

it('a topic that is made anew is another; what was asked of the former is told that it is gone', async () => {
  const { model, lot, cluster, put, get } = await kafkaScene()
  await put('a')
  const before = await cluster.topic(TOPIC)
  const polled = get(1, 5_000)
  await cluster.offsets(TOPIC, [0], 'end', NEVER)
  model.deleteTopic(TOPIC)
  expect((await polled).error?.code).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  lot.draw = 0.5
  model.createTopic({ name: TOPIC, partitions: 2 })
  cluster.forget(TOPIC)
  const after = await cluster.topic(TOPIC)
  expect(after?.leaders).toEqual([1, 1])
  expect(after?.id).not.toBe(before?.id)
})

it('a full disk refuses; what is removed is free again when its segment is', async () => {
  const { model, cluster, connections, put } = await kafkaScene(1, { 'segment.bytes': '1000' })
  model.capacityBytes = 5_000
  const text = 'x'.repeat(400)
  const outcomes = []
  for (let i = 0; i < 12; i++) outcomes.push((await put(text)).error?.code)
  expect(outcomes.at(-1)).toBe('KAFKA_STORAGE_ERROR')
  const [dir] = await leaderLogDirs(cluster, connections, TOPIC, [0])
  expect(dir).toMatchObject({ totalBytes: 5_000, usableBytes: 5_000 - model.usedBytes(1) })
  const remove = async (offset: number) =>
    deleteRecords(await connections.toLeader(TOPIC, 0), TOPIC, new Map([[0, offset]]), REQUEST_MS)
  const used = model.usedBytes(1)
  await remove(1)
  expect(model.usedBytes(1)).toBe(used)
  await remove(4)
  expect(model.usedBytes(1)).toBeLessThan(used)
  expect((await put(text)).error).toBeUndefined()
})

it('what it does not speak ends the connection; topics are made where there are enough brokers', async () => {
  const { cluster, connections } = await kafkaScene(3)
  await cluster.topic(TOPIC)
  const connection = await connections.toNode(1)
  const made = (name: string, replicationFactor: number) =>
    createTopics(connection, [{ name, partitions: 6, replicationFactor, settings: {} }], REQUEST_MS)
  await made('spread', 2)
  expect((await cluster.topic('spread'))?.leaders.toSorted()).toEqual([1, 1, 2, 2, 3, 3])
  await expect(made('large', 4)).rejects.toMatchObject({ code: 'INVALID_REPLICATION_FACTOR' })
  const foreign = connection.request({ key: 3, version: 12, flexible: true }, [], REQUEST_MS)
  await expect(foreign).rejects.toMatchObject({ code: 'DISCONNECTED' })
})
