import { findHost } from '@bgs/database/hosts/host-rows.ts'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AdminScene, HOST, NOW, WHY } from '../testing/admin-scene.ts'

let scene: AdminScene
beforeAll(async () => {
  scene = await AdminScene.start()
  return () => scene[Symbol.asyncDispose]()
})
beforeEach(() => scene.reset())

const act = (what: string, body?: object) => scene.act(`/hosts/${HOST}/${what}`, body)
const row = () => findHost(scene.database, HOST)

describe('acts on a host', () => {
  it.each([
    ['crawl', { asked_ms: NOW }],
    ['pause', { paused: 1, changed_ms: NOW }],
    ['disconnect', { restarts: 1, changed_ms: NOW }],
  ])('%s: what its crawler looks at is changed, noted, and the crawlers are woken', async (what, changed) => {
    expect(await act(what)).toMatchObject({ status: 200, json: { hostname: HOST } })
    expect(await row()).toMatchObject(changed)
    expect([scene.woken, scene.messages]).toEqual([1, []])
    expect(await scene.audit()).toEqual([[`host ${what}`, HOST, WHY, {}]])
  })

  it('a paused host is resumed; of two changes in one millisecond the second is seen, too', async () => {
    await act('pause')
    expect((await scene.ask(`/hosts/${HOST}`)).json).toMatchObject({ status: 'paused' })
    expect((await act('resume')).json).toMatchObject({ status: 'active' })
    expect(await row()).toMatchObject({ paused: 0, changed_ms: NOW + 1 })
  })

  it.each([
    [0, { cursor: 0, start_live: 0 }],
    [41, { cursor: 41, start_live: 0 }],
    ['live', { cursor: null, start_live: 1 }],
  ])('reset-cursor to %s: a new epoch, of which the sequencer is told (Q12)', async (cursor, changed) => {
    expect((await act('reset-cursor', { cursor })).json).toMatchObject({ epoch: 2 })
    expect(await row()).toMatchObject({ ...changed, epoch: 2, restarts: 1 })
    expect(scene.messages).toEqual([{ kind: 'host-epoch', host: HOST, epoch: 2 }])
    expect(await scene.audit()).toEqual([['host reset-cursor', HOST, WHY, { cursor }]])
  })

  it('limits: what is left out stays, null goes back to what follows from trust', async () => {
    const limits = async (body: object) => (await act('limits', body)).json
    expect(await limits({ eventsPerSecond: 3, eventsPerDay: 9_000 })).toMatchObject({
      limits: { eventsPerSecond: 3, eventsPerDay: 9_000 },
    })
    const { limits: after } = await limits({ eventsPerSecond: null, lenient: true })
    expect(after).toMatchObject({ eventsPerDay: 9_000 })
    expect(after).not.toMatchObject({ eventsPerSecond: 3 })
    expect(await row()).toMatchObject({
      events_per_second: null,
      events_per_day: 9_000,
      lenient: 1,
      trusted: 0,
    })
    expect(scene.messages).toEqual([])
  })

  it.each([
    [{ accounts: 7 }, 7],
    [{ trusted: true }, 10_000_000],
    [{ trusted: false }, 100],
    [{ trusted: true, accounts: 8 }, 8],
  ])(
    'limits %j: of the number of accounts the sequencer is told, which counts them (invariant 7)',
    async (body, accountLimit) => {
      await act('limits', body)
      expect(scene.messages).toEqual([{ kind: 'host-limit', host: HOST, accountLimit }])
    },
  )

  it('ban and unban are told to the sequencer, with the reason', async () => {
    expect(await act('ban')).toEqual({ status: 200, json: { hostname: HOST, banned: true } })
    expect(await act('unban')).toEqual({ status: 200, json: { hostname: HOST, banned: false } })
    const said = { kind: 'host-ban', host: HOST, why: WHY }
    expect(scene.messages).toEqual([
      { ...said, banned: true },
      { ...said, banned: false },
    ])
    expect(scene.woken).toBe(2)
    expect((await scene.audit()).map(([what]) => what).sort()).toEqual(['host ban', 'host unban'])
  })

  it('a sequencer that does not take what it was told last is told nothing more: 503, and to come again', async () => {
    scene.stopConsuming()
    // The answer to the first one waits until it is heard.
    const first = act('ban')
    await expect.poll(async () => (await act('unban')).status).toBe(503)
    expect((await act('unban')).json).toMatchObject({
      error: 'ServiceUnavailable',
      message: expect.stringContaining('did not take effect'),
    })
    scene.consumeAgain()
    expect((await first).status).toBe(200)
    expect(scene.messages).toEqual([{ kind: 'host-ban', host: HOST, banned: true, why: WHY }])
  })

  it.each([
    ['ban', {}, 'unknown.example.com', 404, 'HostNotFound'],
    ['ban', {}, 'no host', 400, 'InvalidRequest'],
    ['ban', { why: ' ' }, HOST, 400, 'InvalidRequest'],
    ['ban', { until: 1 }, HOST, 400, 'InvalidRequest'],
    ['reset-cursor', { cursor: -1 }, HOST, 400, 'InvalidRequest'],
    ['limits', { accounts: 1.5 }, HOST, 400, 'InvalidRequest'],
  ])('%s with %j of %s: %i, and nothing is done or noted', async (what, body, host, status, error) => {
    const answer = await scene.act(`/hosts/${encodeURIComponent(host)}/${what}`, body)
    expect(answer).toMatchObject({ status, json: { error } })
    expect([scene.messages, scene.woken, await scene.audit()]).toEqual([[], 0, []])
  })
})
