import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { encodeFrame } from '@bgs/simnet/wire.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { RefreshBudget, SIGNATURE_PAUSES_MS } from './identity/refresh-budget.ts'
import type { IdentityWork } from './parked-look-up.ts'
import { refreshForSignature, settleIdentity } from './settle-identity.ts'
import { identityOf } from './testing/identity.ts'
import { PreparedIdentities, TRANSIENT } from './testing/prepared-identities.ts'

const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const PDS_HOST = 'pds.example.com'
const ELSEWHERE = 'other.example.com'
const RECEIVED = 1_000_000_000

let identities: PreparedIdentities
let nowMs: number
let isTimeUp: boolean
let paused: AbortSignal
let work: IdentityWork
beforeEach(() => {
  nowMs = RECEIVED + 5
  isTimeUp = false
  paused = new AbortController().signal
  identities = new PreparedIdentities(() => nowMs)
  identities.answers.set(DID, identityOf(DID))
  work = {
    identities,
    budget: new RefreshBudget(() => nowMs),
    now: () => nowMs,
    signal: new AbortController().signal,
    takenMs: RECEIVED,
    onParked: () => isTimeUp,
    onPause: () => paused,
    beganMs: 0,
    lagPausesMs: [],
    wallNow: () => nowMs,
  }
})

function raw(type: EventType, host = PDS_HOST, body: object = {}): RawEnvelope {
  const frame = encodeFrame(type, { did: DID, seq: 1, time: '2026-01-01T00:00:00Z', active: true, ...body })
  return { type, did: DID, host, epoch: 1, seq: 1, receivedMs: RECEIVED, lenient: false, frame }
}

/** What is cached: a document, and how long before the frame its look-up began. */
const cached = (ageMs: number, pdsHost = PDS_HOST) =>
  identities.cache.set(DID, { found: identityOf(DID, { pdsHost }), startedMs: RECEIVED - ageMs })

describe('G5: the authority of a host (invariant 4)', () => {
  it('a cached document that names the host serves a commit of any age', async () => {
    cached(3_600_000)
    expect(await settleIdentity(raw('#commit'), work)).toMatchObject({ authoritative: true })
    expect(identities.fetched).toEqual([])
  })

  it('so does one from before this process began, whose clock began with it', async () => {
    cached(RECEIVED + 3_600_000)
    expect(await settleIdentity(raw('#commit'), work)).toMatchObject({ authoritative: true })
    expect(identities.fetched).toEqual([])
  })

  it('a cached mismatch is looked at again: the account may have moved', async () => {
    cached(3_600_000, 'old.example.com')
    expect(await settleIdentity(raw('#commit'), work)).toMatchObject({ authoritative: true })
    expect(identities.fetched).toMatchObject([{ notBeforeMs: RECEIVED }])
  })

  it('still a mismatch: refused, and not looked at again within the minute', async () => {
    cached(3_600_000)
    const foreign = raw('#commit', ELSEWHERE)
    expect(await settleIdentity(foreign, work)).toEqual({ reason: 'host-not-authoritative' })
    const later = { ...work, takenMs: RECEIVED + 1_000 }
    expect(await settleIdentity(foreign, later)).toEqual({ reason: 'host-not-authoritative' })
    expect(identities.fetched).toHaveLength(1)
    nowMs += 60_000
    await settleIdentity(foreign, { ...work, takenMs: nowMs })
    expect(identities.fetched).toHaveLength(2)
  })

  it('a mismatch of a document that is newer than the frame is not looked at again for it', async () => {
    cached(-1)
    expect(await settleIdentity(raw('#commit', ELSEWHERE), work)).toEqual({
      reason: 'host-not-authoritative',
    })
    expect(identities.fetched).toEqual([])
  })
})

describe('A-1: how old a document may be for an #account', () => {
  it.each([
    ['active, a minute old', { active: true }, 60_000, 0],
    ['active, older', { active: true }, 60_001, 1],
    ['inactive, a second old', { active: false, status: 'deactivated' }, 1_000, 1],
    ['inactive, newer than the event', { active: false, status: 'deactivated' }, 0, 0],
  ])('%s', async (_name, body, ageMs, fetches) => {
    cached(ageMs)
    expect(await settleIdentity(raw('#account', PDS_HOST, body), work)).toMatchObject({ authoritative: true })
    expect(identities.fetched).toHaveLength(fetches)
  })

  it('D10: the old host’s last word is refused once the document names the new one', async () => {
    cached(1_000, 'old.example.com')
    const gone = raw('#account', 'old.example.com', { active: false, status: 'deactivated' })
    expect(await settleIdentity(gone, work)).toEqual({ reason: 'host-not-authoritative' })
  })
})

describe('I1, I2: #identity (invariant 4)', () => {
  it('I1: asks for the document each time, from a look-up that begins after it', async () => {
    cached(10)
    expect(await settleIdentity(raw('#identity'), work)).toMatchObject({ authoritative: true })
    expect(identities.fetched).toEqual([{ did: DID, host: PDS_HOST, notBeforeMs: RECEIVED }])
  })

  it('I2: a hint from elsewhere passes without authority', async () => {
    cached(10)
    expect(await settleIdentity(raw('#identity', ELSEWHERE), work)).toMatchObject({ authoritative: false })
    expect(identities.fetched).toHaveLength(1)
  })

  it('I2: hints beyond the budget are refused; the PDS itself is not held back by them', async () => {
    cached(10)
    await settleIdentity(raw('#identity', ELSEWHERE), work)
    const later = { ...work, takenMs: nowMs + 1_000 }
    expect(await settleIdentity(raw('#identity', ELSEWHERE), later)).toEqual({
      reason: 'identity-hint-limit',
    })
    expect(await settleIdentity(raw('#identity'), later)).toMatchObject({ authoritative: true })
  })
})

describe('G6: an identity that cannot be had', () => {
  it('a conclusive answer is the reason; cached, it is looked at again once a minute when its host speaks', async () => {
    identities.answers.set(DID, { kind: 'unusable', reason: 'identity-no-key' })
    identities.cache.set(DID, { found: 'identity-not-found', startedMs: RECEIVED - 1_000 })
    expect(await settleIdentity(raw('#commit'), work)).toEqual({ reason: 'identity-no-key' })
    expect(await settleIdentity(raw('#commit'), work)).toEqual({ reason: 'identity-not-found' })
    expect(identities.fetched).toHaveLength(1)
  })

  it('a transient failure is tried again until it answers', async () => {
    identities.answers.set(DID, TRANSIENT)
    work = { ...work, onParked: () => !identities.answers.set(DID, identityOf(DID)) }
    expect(await settleIdentity(raw('#commit'), work)).toMatchObject({ authoritative: true })
    expect(identities.fetched).toHaveLength(2)
  })

  it('its time is up: given up, and remembered', async () => {
    identities.answers.set(DID, TRANSIENT)
    isTimeUp = true
    expect(await settleIdentity(raw('#commit'), work)).toEqual({ reason: 'identity-unavailable' })
    expect(identities.givenUp).toEqual([DID])
  })

  it('invariant 13: while the directory as a whole is down nothing is given up', async () => {
    identities.answers.set(DID, TRANSIENT)
    identities.circuitOpen = true
    const stop = new AbortController()
    let asked = 0
    const onParked = () => {
      if (++asked === 1) setImmediate(() => stop.abort())
      return true
    }
    await settleIdentity(raw('#commit'), { ...work, onParked, signal: stop.signal })
    expect(asked).toBe(1)
    expect(identities.givenUp).toEqual([])
  })
})

describe('C8: the refetch after a signature failed', () => {
  it('is made if the document is older than the frame', async () => {
    const settled = await refreshForSignature(
      raw('#commit'),
      { identity: identityOf(DID), startedMs: RECEIVED - 1 },
      work,
    )
    expect(settled).toMatchObject({ authoritative: true, startedMs: nowMs })
    expect(identities.fetched).toEqual([{ did: DID, host: PDS_HOST, notBeforeMs: RECEIVED }])
  })

  it('is not made again behind a look-up that began after the frame came', async () => {
    expect(
      await refreshForSignature(raw('#commit'), { identity: identityOf(DID), startedMs: RECEIVED }, work),
    ).toBeUndefined()
    expect(identities.fetched).toEqual([])
  })

  const refresh = (signal = work.signal) =>
    refreshForSignature(raw('#commit'), { identity: identityOf(DID), startedMs: 0 }, { ...work, signal })

  it('without budget waits, and refuses nothing for it', async () => {
    await refresh()
    const waiting = refresh()
    nowMs += SIGNATURE_PAUSES_MS[0] as number
    expect(await waiting).toMatchObject({ authoritative: true })
    expect(identities.fetched).toHaveLength(2)
  })

  it('is made at once where too much of the host waits so, as often as the bucket of the host lets through', async () => {
    paused = AbortSignal.abort()
    for (let i = 0; i < 3; i++) await refresh()
    expect(identities.fetched).toHaveLength(3)
    while (work.budget.takeHost(PDS_HOST));
    const waiting = refresh()
    await Promise.resolve()
    expect(identities.fetched).toHaveLength(3)
    nowMs += 1_000
    await waiting
    expect(identities.fetched).toHaveLength(4)
  })

  it('ends with the wait for this frame', async () => {
    await refresh()
    const ended = new AbortController()
    const waiting = refresh(ended.signal)
    ended.abort()
    expect(await waiting).toEqual({ reason: 'identity-unavailable' })
  })
})
