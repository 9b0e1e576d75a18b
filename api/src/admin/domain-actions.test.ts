import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AdminScene, NOW, WHY } from '../testing/admin-scene.ts'

let scene: AdminScene
beforeAll(async () => {
  scene = await AdminScene.start()
  return () => scene[Symbol.asyncDispose]()
})
beforeEach(() => scene.reset())

const act = (what: string, domain = 'example.com') =>
  scene.act(`/domains/${encodeURIComponent(domain)}/${what}`)
const domains = async () => (await scene.ask('/domains')).json['domains']

describe('H9: rules for a domain with everything under it', () => {
  it('a ban is told to the sequencer, with the reason; its end, too', async () => {
    expect(await act('ban', '*.Example.com')).toEqual({
      status: 200,
      json: { domain: 'example.com', banned: true },
    })
    expect(await act('unban')).toEqual({ status: 200, json: { domain: 'example.com', banned: false } })
    const said = { kind: 'domain-ban', domain: 'example.com', why: WHY }
    expect(scene.messages).toEqual([
      { ...said, banned: true },
      { ...said, banned: false },
    ])
    expect(scene.woken).toBe(2)
    const acts = (await scene.audit()).map(([what, subject]) => [what, subject])
    expect(acts.sort()).toEqual([
      ['domain ban', 'example.com'],
      ['domain unban', 'example.com'],
    ])
  })

  it('trust is for who is met from now on: it stands in the database, once, until it ends', async () => {
    await act('trust')
    expect(await act('trust')).toEqual({ status: 200, json: { domain: 'example.com', trusted: true } })
    expect(await domains()).toEqual([{ domain: 'example.com', rule: 'trust', sinceMs: NOW }])
    await scene.run("INSERT INTO domains VALUES ('example.com', 'ban', 1)")
    expect(await act('untrust')).toEqual({ status: 200, json: { domain: 'example.com', trusted: false } })
    expect(await domains()).toEqual([{ domain: 'example.com', rule: 'ban', sinceMs: 1 }])
    expect([scene.messages, scene.woken]).toEqual([[], 0])
  })

  it.each(['ban', 'unban', 'trust', 'untrust'])(
    '%s of what is no domain: 400, and nothing is done',
    async (what) => {
      for (const domain of ['no domain', 'example.com:8080', 'a..b'])
        expect(await act(what, domain), domain).toMatchObject({
          status: 400,
          json: { error: 'InvalidRequest' },
        })
      expect([scene.messages, await domains(), await scene.audit()]).toEqual([[], [], []])
    },
  )
})
