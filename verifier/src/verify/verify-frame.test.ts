import { encodeVerifiedRecord } from '@bgs/contract/envelope/verified-record.ts'
import { encodeAccount, encodeIdentity } from '@bgs/protocol/frame/encode.ts'
import { SimAccount } from '@bgs/simnet/account.ts'
import { Random } from '@bgs/simnet/random.ts'
import { decodeFrame, encodeFrame } from '@bgs/simnet/wire.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyFrame } from './verify-frame.ts'

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const context = { key: '', handle: '', lenient: false, nowMs: 0 }
const TIME = '2026-01-01T00:00:00.000Z'
/** Strings at the sizes at which encoders of other programs, and ours, have their edges. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(254, 255, 256, 65_534, 65_535, 65_536, 70_000, 1_000_000).map((n) => 'x'.repeat(n)),
  fc.constantFrom('active', 'active:', 'deactivated', '', '\0', '\ud800'),
)

describe('optional fields that are null', () => {
  it.each([
    ['#identity', { did, seq: 7, time: TIME, handle: null }, { did, seq: 7, time: TIME }],
    [
      '#account',
      { did, seq: 7, time: TIME, active: true, status: null },
      { did, seq: 7, time: TIME, active: true },
    ],
  ])('%s is passed on without them', (type, body, expected) => {
    const judged = verifyFrame(encodeFrame(type, body), context)
    if (judged.reason !== null) return expect.fail(judged.detail)
    expect(decodeFrame(judged.frame)).toMatchObject({ type, body: expected })
    expect(Object.keys(decodeFrame(judged.frame).body)).toHaveLength(Object.keys(expected).length)
    expect(judged.frame[judged.seqAt]).toBe(7)
  })

  it('a commit too: of its operations and of itself, all else byte for byte', async () => {
    const account = await SimAccount.create({ random: new Random('nulls'), handle: 'n.example.com' })
    const body = await account.post()
    const nulls = { ...body, prev: null, ops: body.ops.map((op) => ({ ...op, prev: null })) }
    const frame = (of: object) => encodeFrame('#commit', { ...of, seq: 7, time: TIME })
    const key = `Multikey ${account.key.multikey}`
    const at = { ...context, key, nowMs: Date.now() }
    const [left, plain] = [verifyFrame(frame(nulls), at), verifyFrame(frame(body), at)]
    if (left.reason !== null || plain.reason !== null) return expect.fail(JSON.stringify([left, plain]))
    expect(Buffer.from(left.frame)).toEqual(Buffer.from(plain.frame))
    expect([left.seqAt, left.seqEnd, left.repo]).toEqual([plain.seqAt, plain.seqEnd, plain.repo])
  })
})

describe('what a host says of an account or identity (A-1, I1)', () => {
  it.each([
    ['#account', (time: string) => encodeAccount({ did, time, active: true, status: undefined })],
    ['#identity', (time: string) => encodeIdentity({ did, time })],
  ])('C5: %s with a time that is no datetime is refused, as a commit is', (_, encode) => {
    for (const time of ['', 'yesterday', 'x'.repeat(70_000), '2026-01-01'])
      expect(verifyFrame(encode(time).frame, context)).toMatchObject({ reason: 'time-syntax' })
    expect(verifyFrame(encode(TIME).frame, context).reason).toBeNull()
  })

  it('invariant 14: whatever it says, what passes can be written into a record of the bus', () => {
    fc.assert(
      fc.property(fc.boolean(), anyText, fc.oneof(fc.constant(TIME), anyText), (active, status, time) => {
        const judged = verifyFrame(encodeAccount({ did, time, active, status }).frame, context)
        if (judged.reason !== null) return
        const { frame, seqAt, repo, account, discontinuous } = judged
        const head = { type: '#account', did, host: 'a.example', digest: '', authoritative: true } as const
        const numbers = { rawGeneration: 1, rawOffset: 1, epoch: 1, hostSeq: 1, receivedMs: 1 }
        encodeVerifiedRecord([{ ...head, ...numbers, frame, seqAt, repo, account, discontinuous }])
        expect(account?.status?.length ?? 0).toBeLessThanOrEqual(64)
      }),
    )
  })
})
