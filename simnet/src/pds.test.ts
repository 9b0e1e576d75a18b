import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { SimAccount } from './account.ts'
import { SimPds } from './pds.ts'
import { Random } from './random.ts'
import { CheckingSubscriber } from './subscriber.ts'
import { decodeFrame } from './wire.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close()
})

async function startPds(): Promise<{ pds: SimPds; account: SimAccount }> {
  const pds = await SimPds.start()
  open.push(pds)
  const account = await SimAccount.create({ random: new Random(1), handle: 'a.test' })
  await pds.createAccount(account)
  return { pds, account }
}

async function listen(pds: SimPds, cursor?: number): Promise<{ sub: CheckingSubscriber; got: string[] }> {
  const got: string[] = []
  const sub = await CheckingSubscriber.connect({
    url: pds.endpoint,
    ...(cursor === undefined ? {} : { cursor }),
    onMessage: (bytes) => {
      const { op, type, body } = decodeFrame(bytes)
      got.push(op === 1 ? `${type} ${String(body.seq ?? body.name)}` : `error ${String(body.error)}`)
    },
  })
  open.push(sub)
  return { sub, got }
}

describe('SimPds', () => {
  it('announces an account in the order of the reference PDS and replays all of it for cursor 0', async () => {
    const { pds } = await startPds()
    const { sub, got } = await listen(pds, 0)
    await sub.until(() => got.length >= 4, 2000)
    expect(got).toEqual(['#identity 1', '#account 2', '#commit 3', '#sync 4'])
  })

  it('replays above the cursor and goes on live without gap or repeat (Q3, Q7)', async () => {
    const { pds, account } = await startPds()
    const { sub, got } = await listen(pds, 2)
    pds.commit(await account.post())
    await sub.until(() => got.length >= 3, 2000)
    expect(got).toEqual(['#commit 3', '#sync 4', '#commit 5'])
  })

  it('sends only what is new without a cursor (Q2)', async () => {
    const { pds, account } = await startPds()
    const { sub, got } = await listen(pds)
    pds.commit(await account.post())
    await sub.until(() => got.length >= 1, 2000)
    expect(got).toEqual(['#commit 5'])
  })

  it('says OutdatedCursor only where something was evicted after the cursor (Q4)', async () => {
    const { pds } = await startPds()
    pds.evictThrough(2)
    const outdated = await listen(pds, 1)
    await outdated.sub.until(() => outdated.got.length >= 3, 2000)
    expect(outdated.got).toEqual(['#info OutdatedCursor', '#commit 3', '#sync 4'])
    const exact = await listen(pds, 2)
    const whole = await listen(pds, 0)
    await whole.sub.until(() => whole.got.length >= 2 && exact.got.length >= 2, 2000)
    expect([exact.got, whole.got]).toEqual([
      ['#commit 3', '#sync 4'],
      ['#commit 3', '#sync 4'],
    ])
  })

  it('answers a future cursor with an error frame and 1008, or with silence where told so (Q5, A2)', async () => {
    const { pds, account } = await startPds()
    const refused = await listen(pds, 5)
    await refused.sub.until(({ closed }) => closed !== null, 2000)
    expect(refused.got).toEqual(['error FutureCursor'])
    expect(refused.sub.closed?.code).toBe(1008)
    pds.silentOnFutureCursor = true
    const silent = await listen(pds, 50)
    pds.restartSequence()
    await silent.sub.until(({ closed }) => closed !== null, 2000)
    pds.commit(await account.post())
    const again = await listen(pds, 0)
    await again.sub.until(() => again.got.length === 1, 2000)
    expect(again.got).toEqual(['#commit 1'])
  })

  it('refuses a cursor that is no integer with 400', async () => {
    const { pds } = await startPds()
    const socket = new WebSocket(
      `${pds.endpoint.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=-1`,
    )
    const status = await new Promise<number | undefined>((resolve) => {
      socket.on('error', () => undefined)
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    })
    expect(status).toBe(400)
  })

  it('pauses, limits and answers status questions', async () => {
    const { pds, account } = await startPds()
    const { sub, got } = await listen(pds)
    pds.limitRate(100)
    for (let i = 0; i < 30; i++) pds.announceIdentity(account.did)
    const started = performance.now()
    await sub.until(() => got.length >= 30, 3000)
    expect(performance.now() - started).toBeGreaterThan(50)
    const ask = async (name: string) => {
      const response = await fetch(`${pds.endpoint}/xrpc/com.atproto.sync.${name}?did=${account.did}`)
      return [response.status, (await response.json()) as Record<string, unknown>] as const
    }
    expect(await ask('getRepoStatus')).toEqual([
      200,
      { did: account.did, active: true, rev: account.repo.rev },
    ])
    pds.deactivate(account.did)
    expect(await ask('getRepoStatus')).toEqual([
      200,
      { did: account.did, active: false, status: 'deactivated' },
    ])
    expect((await ask('getLatestCommit'))[1].error).toBe('RepoDeactivated')
  })

  it('lets the older events of a deleted account vanish from the backfill (P-PDS)', async () => {
    const { pds, account } = await startPds()
    pds.delete(account.did)
    const { sub, got } = await listen(pds, 0)
    await sub.until(() => got.length >= 1, 2000)
    expect(got).toEqual(['#account 5'])
  })
})
