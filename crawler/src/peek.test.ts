import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import { eventsOf, quotaLimits } from '@bgs/database/hosts/quota-limits.ts'
import { encodeErrorFrame, encodeFrame } from '@bgs/simnet/wire.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffMs } from './backoff.ts'
import { peekFrame } from './peek.ts'
import { Poison } from './poison.ts'
import { Quota } from './quota.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const time = '2026-01-01T00:00:00Z'

describe('G1, G4, W3: the first look at a frame', () => {
  it.each(['#commit', '#sync', '#identity', '#account'] as const)('%s goes on its way', (type) => {
    const body = type === '#commit' ? { repo: did } : { did }
    expect(peekFrame(encodeFrame(type, { ...body, seq: 7, time }), false)).toEqual({
      kind: 'event',
      type,
      did,
      seq: 7,
    })
  })

  it.each<[string, Uint8Array, object]>([
    [
      'W9 an error',
      encodeErrorFrame('FutureCursor', 'x'),
      { kind: 'error', name: 'FutureCursor', message: 'x' },
    ],
    [
      'N1 an #info',
      encodeFrame('#info', { name: 'OutdatedCursor' }),
      { kind: 'info', name: 'OutdatedCursor' },
    ],
    ['W3 an unknown type', encodeFrame('#new', { did, seq: 9 }), { kind: 'unknown', did, seq: 9 }],
    ['G1 no seq', encodeFrame('#identity', { did, time }), { kind: 'rejected', reason: 'frame-fields' }],
    [
      'G1 no DID',
      encodeFrame('#identity', { seq: 9, time }),
      { kind: 'rejected', reason: 'frame-fields', seq: 9 },
    ],
    [
      'G4 an upper-case DID',
      encodeFrame('#identity', { did: 'did:plc:EWVI7nxzyoun6zhxrhs64oiz', seq: 9, time }),
      { kind: 'rejected', reason: 'did-syntax', seq: 9 },
    ],
    [
      'G4 another method',
      encodeFrame('#identity', { did: 'did:key:z6Mk', seq: 9, time }),
      { kind: 'rejected', reason: 'did-syntax', seq: 9 },
    ],
    ['W4 nothing', new Uint8Array(), { kind: 'rejected', seq: -1 }],
    ['W4 no CBOR', Uint8Array.of(0xff), { kind: 'rejected', seq: -1 }],
  ])('%s', (_name, frame, look) => expect(peekFrame(frame, false)).toMatchObject(look))

  it('a DID of a development server is one in private mode only', () => {
    const frame = encodeFrame('#identity', { did: 'did:web:localhost%3A2583', seq: 1, time })
    expect(peekFrame(frame, true).kind).toBe('event')
    expect(peekFrame(frame, false).kind).toBe('rejected')
  })

  it('never throws, whatever the bytes', () => {
    const good = encodeFrame('#identity', { did, seq: 7, time })
    fc.assert(
      fc.property(
        fc.nat({ max: good.length - 1 }),
        fc.nat({ max: 255 }),
        fc.uint8Array(),
        (at, byte, tail) => {
          const bent = Uint8Array.from(good)
          bent[at] = byte
          peekFrame(bent, false)
          peekFrame(tail, false)
          peekFrame(good.subarray(0, at), false)
        },
      ),
    )
  })
})

it('H3: pauses have full jitter within their bounds, grow, and are capped at an hour', () => {
  const most = Array.from({ length: 15 }, (_, failures) => backoffMs(failures, () => 1) / 1_000)
  expect(most).toEqual([1, 2, 4, 8, 16, 32, 64, 300, 900, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600])
  expect([backoffMs(3, () => 0), backoffMs(3, () => 0.5), backoffMs(1_000, () => 0)]).toEqual([
    200, 4_000, 200,
  ])
})

it('G1: the same bytes are known from the second time on; memory is bounded', () => {
  const poison = new Poison()
  const frame = (n: number) => Uint8Array.of(n & 255, n >> 8)
  expect([poison.isKnown(frame(1)), poison.isKnown(frame(1)), poison.isKnown(frame(2))]).toEqual([
    false,
    true,
    false,
  ])
  for (let n = 10; n < 300; n++) poison.isKnown(frame(n))
  expect(poison.isKnown(frame(299))).toBe(true)
  expect(poison.isKnown(frame(1))).toBe(false)
})

const hostRow = (change: Partial<HostRow>) =>
  ({
    account_limit: 100,
    trusted: 0,
    events_per_second: null,
    events_per_hour: null,
    events_per_day: null,
    ...change,
  }) as HostRow

const endless = {
  perSecond: 1e9,
  perHour: 1e9,
  perDay: 1e9,
  otherPerHour: 1e9,
  uselessPerSecond: 1e9,
  slowMsPerMinute: 1e9,
}

describe('H8: quotas', () => {
  it('limits of a new and of a trusted host', () => {
    expect(quotaLimits(hostRow({}), false)).toEqual({
      perSecond: 50.1,
      perHour: 2_600,
      perDay: 21_000,
      otherPerHour: 1_100,
      uselessPerSecond: 50.1,
      slowMsPerMinute: 3_000,
    })
    expect(quotaLimits(hostRow({ trusted: 1 }), false)).toMatchObject({
      perSecond: 5_000,
      perDay: 500_000_000,
    })
  })

  it("what an operator has set holds, on one's own machine too", () => {
    const set = hostRow({ events_per_second: 7, events_per_hour: 100, events_per_day: 1_000 })
    const limits = { perSecond: 7, perHour: 100, perDay: 1_000, otherPerHour: 100 }
    expect(quotaLimits(set, false)).toMatchObject(limits)
    expect(quotaLimits(set, true)).toMatchObject(limits)
    expect(new Quota(quotaLimits(hostRow({}), true), () => 0).take(false)).toBe(0)
  })

  it('events that are no commits have a share of their own', () => {
    const quota = new Quota({ ...endless, otherPerHour: 2 }, () => 0)
    for (let i = 0; i < 10; i++) expect(quota.take(true)).toBe(0)
    expect([quota.take(false), quota.take(false)]).toEqual([0, 0])
    expect(quota.take(false)).toBeCloseTo(1_800_000, -1)
  })

  it('a large frame counts as several events', () => {
    expect([0, 5_000, 65_535, 65_536, 2_000_000].map(eventsOf)).toEqual([1, 1, 1, 2, 31])
    const quota = new Quota({ ...endless, perSecond: 50 }, () => 0)
    expect(quota.take(true, eventsOf(2_000_000))).toBe(0)
    expect(quota.take(true, eventsOf(2_000_000))).toBe(240)
  })

  it('frames that bring nothing, and judging that takes long, are charged wherever the relay runs', () => {
    const quota = new Quota(quotaLimits(hostRow({}), true), () => 0)
    expect([quota.take(true, 1e9), quota.charge(1_000, 0)]).toEqual([0, 0])
    expect(quota.charge(1_000, 0)).toBe(1_000)
    const slow = new Quota(quotaLimits(hostRow({}), false), () => 0)
    expect([slow.charge(0, 3_000), slow.charge(0, 300)]).toEqual([0, 6_000])
  })

  it('other limits hold from the next event on', () => {
    const quota = new Quota(quotaLimits(hostRow({}), true), () => 0)
    for (let i = 0; i < 100; i++) quota.take(true)
    quota.change(quotaLimits(hostRow({ events_per_second: 2 }), true))
    expect([quota.take(true), quota.take(true)]).toEqual([0, 0])
    expect(quota.take(true)).toBe(500)
    quota.change(quotaLimits(hostRow({}), true))
    expect(quota.take(true)).toBe(0)
  })

  it.each([
    ['second', { ...endless, perSecond: 10 }, 10, 100],
    ['hour', { ...endless, perHour: 10 }, 10, 360_000],
    ['day', { ...endless, perDay: 10 }, 10, 8_640_000],
  ])('an empty bucket of a %s asks for a pause as long as one event takes', (_name, limits, burst, pause) => {
    let now = 0
    const quota = new Quota(limits, () => now)
    for (let i = 0; i < burst; i++) expect(quota.take(true)).toBe(0)
    expect(quota.take(true)).toBeCloseTo(pause, -1)
    now += pause + 1
    expect(quota.take(true)).toBeGreaterThan(0)
    now += 2 * pause
    expect(quota.take(true)).toBe(0)
  })
})
