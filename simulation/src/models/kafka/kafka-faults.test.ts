import { REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { fetchRecords } from '@bgs/cluster/kafka/fetch.ts'
import { expect, it } from 'vitest'
import { kafkaScene, TOPIC } from '../../testing/kafka-scene.ts'

const WAIT = { timeout: 5_000, interval: 2 }

it('one that hangs answers later; for so long that others lead, it takes itself for the leader a moment longer', async () => {
  const { model, put, get, texts, bounds } = await kafkaScene(3)
  await put('a')
  const { leader } = bounds()
  model.hang(leader)
  const late = get(0, 0, leader)
  await expect.poll(() => bounds().leader, WAIT).not.toBe(leader)
  await put('b', bounds().leader)
  model.resume(leader)
  const stale = await late
  expect([texts(stale), stale.end]).toEqual([['a'], 1])
  const refused = await put('c', leader)
  expect(refused.error?.code, 'when it has heard').toBe('NOT_LEADER_OR_FOLLOWER')
  expect(bounds().end).toBe(2)
})

it('one that hears no news tells of the cluster as it was, until it does', async () => {
  const { model, connections, bounds, get, put } = await kafkaScene(3)
  await put('a')
  const { leader } = bounds()
  model.freeze(leader)
  model.moveLeader(TOPIC, 0)
  expect((await get(0, 0, leader)).end).toBe(1)
  model.createTopic({ name: 'new', partitions: 1 })
  const old = await connections.toNode(leader)
  const limits = { waitMs: 0, maxBytes: 1, partitionBytes: 1, timeoutMs: REQUEST_MS }
  const ask = async () =>
    (await fetchRecords(old, 'new', [{ partition: 0, offset: 0 }], limits))[0]?.error?.code
  expect(await ask()).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  model.thaw(leader)
  await expect.poll(ask, WAIT).not.toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect((await get(0, 0, leader)).error?.code).toBe('NOT_LEADER_OR_FOLLOWER')
})

it('is slow, blind, or says nothing of what it did, as it is told, and no longer', async () => {
  const { model, put, get, texts, kept } = await kafkaScene()
  const took = async (act: () => Promise<unknown>) => {
    const fromMs = performance.now()
    await act()
    return performance.now() - fromMs
  }
  await put('a')
  model.slow('all', 50)
  expect(await took(() => get(0))).toBeGreaterThan(45)
  model.slow('all', 0)
  model.throttle('all', 50)
  await get(0)
  // It is the next request of the connection that waits.
  expect(await took(() => get(0))).toBeGreaterThan(45)
  model.throttle('all', 0)
  await get(0)
  expect(await took(() => get(0))).toBeLessThan(40)
  model.blind(1, true)
  expect(await get(0)).toMatchObject({ end: 1, bytes: Buffer.alloc(0), error: undefined })
  model.blind(1, false)
  expect(texts(await get(0))).toEqual(['a'])
  model.loseAnswers(1, 1)
  await expect(put('b')).rejects.toMatchObject({ code: 'DISCONNECTED' })
  await put('b')
  expect(kept()).toEqual(['a', 'b', 'b'])
})
