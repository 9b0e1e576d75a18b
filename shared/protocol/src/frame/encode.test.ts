import { encode } from '@ipld/dag-cbor'
import { describe, expect, test } from 'vitest'
import { encodeAccount, encodeError, encodeIdentity, encodeInfo, encodeSync } from './encode.ts'
import { scanFrame } from './scan.ts'
import { LEAST_SLOT_SEQ, withSeqSlot, writeSeq } from './seq-slot.ts'
import { type MapEntryPlace, withoutEntries } from './without-entries.ts'

const did = 'did:plc:relayvectors222222222222'
const time = '2026-06-01T01:00:00.000Z'
const SEQ = 20_000_000_123

function reference(header: unknown, payload: unknown): Uint8Array {
  return Uint8Array.from(Buffer.concat([encode(header), encode(payload)]))
}

describe('frames of the relay itself are what the reference encodes', () => {
  test.each([
    [
      '#account',
      encodeAccount({ did, time, active: false, status: 'takendown' }),
      { did, time, active: false, status: 'takendown' },
    ],
    ['#account', encodeAccount({ did, time, active: true }), { did, time, active: true }],
    ['#identity', encodeIdentity({ did, time }), { did, time }],
    [
      '#sync',
      encodeSync({ did, rev: 'r', blocks: new Uint8Array(300), time }),
      { did, rev: 'r', blocks: new Uint8Array(300), time },
    ],
  ])('%s', (t, { frame, seqAt }, fields) => {
    writeSeq(frame, seqAt, SEQ)
    expect(frame).toEqual(reference({ op: 1, t }, { ...fields, seq: SEQ }))
    expect(scanFrame(frame)).toMatchObject({ type: t, seq: SEQ, did, seqAt, seqEnd: seqAt + 9 })
  })

  test('#info and error', () => {
    expect(encodeInfo({ name: 'OutdatedCursor', message: 'm' })).toEqual(
      reference({ op: 1, t: '#info' }, { name: 'OutdatedCursor', message: 'm' }),
    )
    expect(encodeError({ error: 'FutureCursor' })).toEqual(reference({ op: -1 }, { error: 'FutureCursor' }))
  })
})

describe('the slot for seq', () => {
  test.each([1, 23, 24, 255, 70_000, 2 ** 32, Number.MAX_SAFE_INTEGER])('from %d', (seq) => {
    const payload = { did, time, handle: 'a.example', future: [1] }
    const bytes = reference({ op: 1, t: '#identity' }, { ...payload, seq })
    const scanned = scanFrame(bytes)
    if (scanned.kind === 'rejection' || scanned.type !== '#identity') return expect.fail('not scanned')
    const slotted = withSeqSlot(bytes, scanned.seqAt, scanned.seqEnd)
    expect(slotted.frame).toEqual(reference({ op: 1, t: '#identity' }, { ...payload, seq: LEAST_SLOT_SEQ }))
    writeSeq(slotted.frame, slotted.seqAt, Number.MAX_SAFE_INTEGER)
    expect(scanFrame(slotted.frame)).toMatchObject({ seq: Number.MAX_SAFE_INTEGER })
  })

  test.each([0, 2 ** 32 - 1, 2 ** 53, 1.5])('%d does not fit', (seq) => {
    expect(() => writeSeq(new Uint8Array(9), 0, seq)).toThrow(RangeError)
  })
})

describe('a frame without some entries of its maps', () => {
  test('an #identity without its handle, the rest as it was (I1)', () => {
    // 22 and 23 others: the head of the map changes its length.
    for (const extra of [0, 1, 19, 20, 21, 22]) {
      const rest: Record<string, unknown> = { did, time, seq: 9 }
      for (let i = 0; i < extra; i++) rest[`x${i}`] = i
      const bytes = reference({ op: 1, t: '#identity' }, { ...rest, handle: 'a.example' })
      const identity = scanFrame(bytes)
      if (identity.kind === 'rejection' || identity.type !== '#identity') return expect.fail('not scanned')
      expect(withoutEntries(bytes, [identity.handlePlace as MapEntryPlace])).toEqual(
        reference({ op: 1, t: '#identity' }, rest),
      )
    }
  })

  test.each([
    ['#identity', { did, time, seq: 9 }, { handle: null }],
    ['#account', { did, time, seq: 9, active: true }, { status: null }],
  ])('%s: an optional field that is null', (t, rest, nulls) => {
    const scanned = scanFrame(reference({ op: 1, t }, { ...rest, ...nulls }))
    if (scanned.kind === 'rejection' || !('nulls' in scanned)) return expect.fail('not scanned')
    expect(withoutEntries(reference({ op: 1, t }, { ...rest, ...nulls }), scanned.nulls ?? [])).toEqual(
      reference({ op: 1, t }, rest),
    )
    expect(scanFrame(reference({ op: 1, t }, rest))).not.toHaveProperty('nulls')
  })
})
