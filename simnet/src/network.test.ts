import { afterEach, expect, it } from 'vitest'
import { runActions } from './activity.ts'
import { SimNetwork } from './network.ts'
import { StreamChecker } from './stream-checker.ts'
import { CheckingSubscriber } from './subscriber.ts'
import { webSocketPayload } from './wire.ts'

let network: SimNetwork | null = null
afterEach(async () => {
  await network?.close()
  network = null
})

it('gives each host a stream that fits the model', async () => {
  network = await SimNetwork.start({ seed: 11, hosts: 1, accountsPerHost: 3 })
  await runActions(network, 60)
  const [pds] = network.hosts
  if (pds === undefined) throw new Error('no host')
  const sub = await CheckingSubscriber.connect({ url: pds.endpoint, cursor: 0, model: network.model })
  await sub.untilCaughtUp(3000)
  expect(sub.verdict()).toMatchObject({ ok: true })
  await sub.close()
})

it('does not expect what a former host says after a move', async () => {
  network = await SimNetwork.start({ seed: 12, hosts: 2, accountsPerHost: 1 })
  const [from, to] = network.hosts
  const [did] = network.residents.keys()
  if (from === undefined || to === undefined || did === undefined) throw new Error('no hosts')
  const before = network.model.eventsOf(did).length
  await network.migrate(did, to)
  const { key, pds } = network.plc.get(did)
  expect(pds).toBe(to.endpoint)
  expect(key?.multikey).toBe(network.resident(did).account.key.multikey)
  expect(
    network.model
      .eventsOf(did)
      .slice(before)
      .map(({ type }) => type),
  ).toEqual(['#account', '#identity', '#sync'])
  const checker = new StreamChecker(network.model)
  checker.beginConnection(0)
  const late = from.log.at(from.log.length - 1)
  if (late === undefined) throw new Error('the former host said nothing')
  checker.observe(webSocketPayload(late.frame))
  expect(checker.verdict().unexpected).toHaveLength(1)
})

it('serves documents, counts requests and does what it is told to do wrong', async () => {
  network = await SimNetwork.start({ seed: 13, hosts: 1, accountsPerHost: 1, legacyKeyShare: 1 })
  const { plc } = network
  const [did] = network.residents.keys()
  if (did === undefined) throw new Error('no account')
  const ask = (which = did) => fetch(`${plc.url}/${which}`, { signal: AbortSignal.timeout(300) })
  const document = (await (await ask()).json()) as { id: string; verificationMethod: { type: string }[] }
  expect(document.id).toBe(did)
  expect(document.verificationMethod[0]?.type).toMatch(/VerificationKey2019$/)
  plc.setFault(did, { kind: 'rateLimited', retryAfterSeconds: 7 })
  const limited = await ask()
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7'])
  plc.setFault(did, { kind: 'wrongId', id: 'did:plc:other' })
  expect(await (await ask()).json()).toMatchObject({ id: 'did:plc:other' })
  plc.setFault(did, { kind: 'hang' })
  await expect(ask()).rejects.toThrow()
  plc.setFault(did, null)
  plc.tombstone(did)
  expect((await ask()).status).toBe(410)
  expect((await ask('did:plc:nobody')).status).toBe(404)
  expect([plc.requestsFor(did), plc.totalRequests]).toEqual([5, 6])
})
