import type { SubscriberInfo } from '@bgs/contract/subscribers.ts'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { AdminScene, NOW, WHY } from '../testing/admin-scene.ts'

const ONE: SubscriberInfo = {
  id: 'node-1:7',
  address: '203.0.113.1',
  userAgent: 'a reader',
  sinceMs: NOW,
  next: 91,
  events: 5,
  bytes: 500,
  eventsPerSecond: 1,
  queuedBytes: 0,
}

let scene: AdminScene
beforeAll(async () => {
  scene = await AdminScene.start()
  return () => scene[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await scene.reset()
  scene.subscribers.push(ONE, { ...ONE, id: 'node-2:7' })
})

it('subscribers of all nodes are listed, with what they lack', async () => {
  const { json } = await scene.ask('/consumers')
  expect(json).toMatchObject({ head: 100, consumers: [ONE, { id: 'node-2:7' }] })
})

it('one is sent away, and noted under the address that it came from', async () => {
  expect(await scene.act(`/consumers/${encodeURIComponent(ONE.id)}/disconnect`)).toEqual({
    status: 200,
    json: { id: ONE.id, disconnected: true },
  })
  expect(scene.subscribers.map(({ id }) => id)).toEqual(['node-2:7'])
  expect(await scene.audit()).toEqual([['consumer disconnect', ONE.address, WHY, { id: ONE.id }]])
})

it('one that is gone already: 404, and nothing is noted', async () => {
  expect(await scene.act('/consumers/node-3:1/disconnect')).toMatchObject({
    status: 404,
    json: { error: 'ConsumerNotFound' },
  })
  expect(await scene.audit()).toEqual([])
})
