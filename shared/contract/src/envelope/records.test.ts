import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeControlRecord, encodeControlRecord } from './control-record.ts'
import { EVENT_TYPES } from './event-type.ts'
import { decodeRawRecord, encodeRawRecord } from './raw-record.ts'
import { decodeVerifiedRecord, encodeVerifiedRecord } from './verified-record.ts'

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  maxLength: 40,
})
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const type = fc.constantFrom(...EVENT_TYPES)
const frame = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))

const raw = fc.record({
  type,
  did: latin1,
  host: latin1,
  epoch: whole,
  seq: whole,
  receivedMs: whole,
  lenient: fc.boolean(),
  relayed: fc.boolean(),
  isHeartbeat: fc.constantFrom(true, undefined),
  frame,
})
const cid = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  minLength: 36,
  maxLength: 36,
})
const verified = fc.record({
  type,
  did: latin1,
  rawGeneration: whole,
  rawOffset: whole,
  host: latin1,
  epoch: whole,
  hostSeq: whole,
  receivedMs: whole,
  authoritative: fc.boolean(),
  pdsHost: fc.option(latin1, { nil: undefined }),
  digest: latin1,
  frame,
  seqAt: fc.nat(5_000_000),
  repo: fc.option(
    fc.record({ rev: latin1, since: fc.option(latin1), prevData: fc.option(cid), commit: cid, data: cid }),
  ),
  account: fc.option(
    fc.record({
      active: fc.boolean(),
      status: fc.option(fc.string({ unit: 'binary', maxLength: 60 })),
      time: latin1,
    }),
  ),
  discontinuous: fc.boolean(),
  isHeartbeat: fc.constantFrom(true, undefined),
})

describe('records of the bus', () => {
  it('give back what was written (raw)', () => {
    fc.assert(
      fc.property(fc.array(raw, { maxLength: 30 }), (all) => {
        expect(decodeRawRecord(encodeRawRecord(all))).toEqual(all)
      }),
    )
  })

  it('give back what was written (verified)', () => {
    fc.assert(
      fc.property(fc.array(verified, { maxLength: 30 }), (all) => {
        expect(decodeVerifiedRecord(encodeVerifiedRecord(all))).toEqual(all)
      }),
    )
  })

  it('stop at a format that is not known (invariant 17), and at bytes that end early', () => {
    const record = encodeRawRecord(fc.sample(raw, 3))
    for (let end = 0; end < record.length; end += 7)
      expect(() => decodeRawRecord(Buffer.from(record.subarray(0, end)))).toThrow(RangeError)
    record[0] = 2
    expect(() => decodeRawRecord(record)).toThrow('of format 2')
    const other = encodeVerifiedRecord(fc.sample(verified, 1))
    other[0] = 3
    expect(() => decodeVerifiedRecord(other)).toThrow('of format 3')
    expect(() => decodeControlRecord(Buffer.from('{"version":2,"messages":[]}'))).toThrow('of format 2')
    const messages = [{ kind: 'host-epoch', host: 'a.example', epoch: 3 } as const]
    expect(decodeControlRecord(encodeControlRecord(messages))).toEqual(messages)
  })
})
