import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AdminScene, DID, HOST, WHY } from '../testing/admin-scene.ts'

let scene: AdminScene
beforeAll(async () => {
  scene = await AdminScene.start()
  return () => scene[Symbol.asyncDispose]()
})
beforeEach(() => scene.reset())

const act = (what: string, did = DID) => scene.act(`/accounts/${encodeURIComponent(did)}/${what}`)

describe('acts on an account', () => {
  it.each([
    ['takedown', 'takendown'],
    ['suspend', 'suspended'],
    ['restore', 'active'],
  ])(
    '%s is noted, and told to the sequencer, which alone changes accounts (invariant 7)',
    async (what, local) => {
      expect(await act(what)).toEqual({ status: 200, json: { did: DID, local } })
      expect(scene.messages).toEqual([{ kind: 'account-local', did: DID, local }])
      expect(await scene.audit()).toEqual([[`account ${what}`, DID, WHY, {}]])
    },
  )

  it('recheck asks its host, as of the version that the account has now', async () => {
    expect(await act('recheck')).toEqual({ status: 200, json: { did: DID, asked: HOST } })
    expect(scene.asked).toEqual([{ did: DID, host: HOST, version: 7 }])
    expect(scene.messages).toEqual([])
    expect(await scene.audit()).toEqual([['account recheck', DID, WHY, {}]])
  })

  it('one that has just been seen in the stream is found once the database has it', async () => {
    const late = 'did:web:late.example.com'
    const taken = act('takedown', late)
    await scene.run(
      `INSERT INTO accounts VALUES (4294967297, '${late}', '${HOST}', '{}', 1, 1, NULL, NULL, NULL, 'active', 'active', '', 1, 0, 0)`,
    )
    expect((await taken).status).toBe(200)
  })

  it('of one that is not known, or is none, nothing is said or noted', async () => {
    expect(await act('takedown', 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')).toMatchObject({
      status: 404,
      json: { error: 'RepoNotFound' },
    })
    expect(await act('takedown', 'alice.example.com')).toMatchObject({ status: 400 })
    expect([scene.messages, await scene.audit()]).toEqual([[], []])
  })

  it('lists those that this relay holds back, by state and a page at a time', async () => {
    for (const [i, local] of ['takendown', 'throttled', 'takendown', 'active'].entries())
      await scene.run(
        `INSERT INTO accounts VALUES (${100 + i}, 'did:web:${i}.example.com', '${HOST}', '{}', 1, 1, NULL, NULL, NULL,
          'active', '${local}', '', 1, 0, 0)`,
      )
    const listed = async (query: string) => {
      const { json } = await scene.ask(`/accounts?${query}`)
      return [
        (json['accounts'] as { did: string }[]).map(({ did }) => did.slice(8, 9)).join(''),
        json['after'],
      ]
    }
    expect(await listed('')).toEqual(['012', undefined])
    expect(await listed('local=takendown')).toEqual(['02', undefined])
    expect(await listed('limit=2')).toEqual(['01', 101])
    expect(await listed('limit=2&after=101')).toEqual(['2', undefined])
    expect((await scene.ask('/accounts?local=deleted')).status).toBe(400)
    expect((await scene.ask(`/accounts/${DID}`)).json).toMatchObject({
      did: DID,
      host: HOST,
      discontinuities: 3,
    })
  })
})
