import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { PlcDirectory } from '@bgs/simnet/plc.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifierMetrics } from '../metrics.ts'
import { identityOf } from '../testing/identity.ts'
import { Identities } from './identities.ts'

const did = (n: number) => `did:plc:${String.fromCharCode(97 + n)}${'2'.repeat(23)}`
const HOST = 'pds.example.com'

let plc: PlcDirectory
let identities: Identities
let registry: Registry
const stop = new AbortController()
beforeEach(async () => {
  plc = await PlcDirectory.start()
  for (let n = 0; n < 20; n++) register(n)
  const options = { plcUrl: plc.url, allowPrivate: true, userAgent: 'test', timeoutMs: 300 }
  registry = new Registry()
  identities = new Identities(options, verifierMetrics(registry), undefined, stop.signal)
})
afterEach(() => plc.close())

function register(n: number, pds = `https://${HOST}`): void {
  const { keyMultibase } = identityOf('')
  plc.register({
    did: did(n),
    handle: 'a.example.com',
    pds,
    key: { curve: 'k256', multikey: keyMultibase, legacyMultibase: '' },
  })
}

describe('D8: one look-up at a time for each DID', () => {
  it('many who ask at once share one flight', async () => {
    const results = await Promise.all(Array.from({ length: 10 }, () => identities.fetch(did(0), HOST, 0)))
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['found']))
    expect(plc.requestsFor(did(0))).toBe(1)
    expect(identities.known(did(0), monotonicMs())?.found).toMatchObject({ pdsHost: HOST })
  })

  it('C8: who needs one that begins later than the one under way gets one, and all of those share it', async () => {
    plc.setFault(did(0), { kind: 'slow', millis: 40 })
    const first = identities.fetch(did(0), HOST, 0)
    await until('the first look-up', () => plc.requestsFor(did(0)) === 1)
    register(0, 'https://new.example.com')
    const later = monotonicMs() + 1
    const others = [identities.fetch(did(0), HOST, later), identities.fetch(did(0), HOST, later)]
    await first
    for (const result of await Promise.all(others))
      expect(result).toMatchObject({ kind: 'found', identity: { pdsHost: 'new.example.com' } })
    expect(plc.requestsFor(did(0))).toBe(2)
  })

  it('a conclusive failure is cached, a transient one is not', async () => {
    plc.tombstone(did(0))
    plc.setFault(did(1), { kind: 'error' })
    await identities.fetch(did(0), HOST, 0)
    expect(await identities.fetch(did(1), HOST, 0)).toMatchObject({ kind: 'transient' })
    expect(identities.known(did(0), monotonicMs())?.found).toBe('identity-tombstoned')
    expect(identities.known(did(1), monotonicMs())).toBeUndefined()
  })

  it('giveUp leaves a document that is known as it is', async () => {
    await identities.fetch(did(1), HOST, 0)
    identities.giveUp(did(1), monotonicMs())
    expect(identities.known(did(1), monotonicMs())?.found).toMatchObject({ pdsHost: HOST })
  })

  it('giveUp is remembered for a while', () => {
    identities.giveUp(did(0), 1_000)
    expect(identities.known(did(0), 2_000)?.found).toBe('identity-unavailable')
    expect(identities.known(did(0), 200_000)).toBeUndefined()
  })

  it('H10: one host’s hanging names leave room for others', async () => {
    for (let n = 0; n < 12; n++) plc.setFault(did(n), { kind: 'hang' })
    const hanging = Array.from({ length: 12 }, (_, n) => identities.fetch(did(n), 'slow.example.com', 0))
    expect(await identities.fetch(did(15), HOST, 0)).toMatchObject({ kind: 'found' })
    expect(plc.requestsFor(did(8))).toBe(0)
    for (let n = 0; n < 12; n++) plc.setFault(did(n), null)
    await Promise.all(hanging)
  })
})

describe('G6, invariant 13: the circuit', () => {
  it('opens when the directory as a whole fails again and again, and closes with the first answer', async () => {
    plc.setFault(did(9), { kind: 'slow', millis: 200 })
    const answered = identities.fetch(did(9), HOST, 0)
    plc.setGlobalFault({ kind: 'error', status: 503 })
    for (let n = 0; n < 5; n++) {
      expect(identities.circuitOpen).toBe(false)
      await identities.fetch(did(n), HOST, 0)
    }
    expect(identities.circuitOpen).toBe(true)
    expect(await answered).toMatchObject({ kind: 'found' })
    expect(identities.circuitOpen).toBe(false)
  })

  it('stays closed over failures of single DIDs, and over refusals with an answer between', async () => {
    for (let n = 0; n < 4; n++) plc.setFault(did(n), { kind: 'error', status: 503 })
    for (let n = 5; n < 8; n++) plc.setFault(did(n), { kind: 'error', status: 500 })
    for (let n = 0; n < 4; n++) await identities.fetch(did(n), HOST, 0)
    await identities.fetch(did(19), HOST, 0)
    for (let n = 0; n < 4; n++) await identities.fetch(did(n), HOST, 0)
    await identities.fetch(did(18), HOST, 0)
    for (let i = 0; i < 5; i++) for (let n = 5; n < 8; n++) await identities.fetch(did(n), HOST, 0)
    expect(identities.circuitOpen).toBe(false)
  })

  it('opens when different DIDs, one after the other, have no answer', async () => {
    for (let n = 0; n < 8; n++) plc.setFault(did(n), { kind: 'hang' })
    await Promise.all(Array.from({ length: 8 }, (_, n) => identities.fetch(did(n), `h${n}.example.com`, 0)))
    expect(identities.circuitOpen).toBe(true)
  })

  it('D9: a Retry-After holds the next look-up back', async () => {
    plc.setFault(did(0), { kind: 'rateLimited', retryAfterSeconds: 0.2 })
    await identities.fetch(did(0), HOST, 0)
    const started = performance.now()
    await identities.fetch(did(1), HOST, 0)
    expect(performance.now() - started).toBeGreaterThan(150)
  })
})

describe('D1: known DIDs that are looked up again', () => {
  it('are counted by what comes of it, others are not', async () => {
    await identities.fetch(did(0), HOST, 0)
    await identities.fetch(did(1), HOST, 0)
    // Never heard of: that says nothing about the directory.
    await identities.fetch(`did:plc:${'z'.repeat(24)}`, HOST, 0)
    await identities.fetch(did(0), HOST, monotonicMs())
    plc.tombstone(did(1))
    await identities.fetch(did(1), HOST, monotonicMs())
    // As a wrong directory would answer.
    await identities.fetch(did(2), HOST, 0)
    plc.forget(did(2))
    await identities.fetch(did(2), HOST, monotonicMs())
    const text = await registry.metrics()
    const counted = [...text.matchAll(/^relay_verifier_known_did_resolutions_total(.*)$/gm)].map(
      ([, of]) => of,
    )
    expect(counted).toEqual([
      '{result="found"} 1',
      '{result="identity-tombstoned"} 1',
      '{result="identity-not-found"} 1',
    ])
  })
})
