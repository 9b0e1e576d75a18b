import { encodeVerifiedRecord } from '@bgs/shared/envelope/verified-record.ts'
import { encodeAccount, encodeIdentity } from '@bgs/shared/frame/encode.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeFrame } from './judge.ts'

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const context = { key: '', handle: '', lenient: false, nowMs: 0 }
const TIME = '2026-01-01T00:00:00.000Z'
/** Strings at the sizes at which encoders of other programs, and ours, have their edges. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(254, 255, 256, 65_534, 65_535, 65_536, 70_000, 1_000_000).map((n) => 'x'.repeat(n)),
  fc.constantFrom('active', 'active:', 'deactivated', '', '\0', '\ud800'),
)

describe('what a host says of an account or identity (A-1, I1)', () => {
  it.each([
    ['#account', (time: string) => encodeAccount({ did, time, active: true, status: undefined })],
    ['#identity', (time: string) => encodeIdentity({ did, time })],
  ])('C5: %s with a time that is no datetime is refused, as a commit is', (_, encode) => {
    for (const time of ['', 'yesterday', 'x'.repeat(70_000), '2026-01-01'])
      expect(judgeFrame(encode(time).frame, context)).toMatchObject({ reason: 'time-syntax' })
    expect(judgeFrame(encode(TIME).frame, context).reason).toBeNull()
  })

  it('invariant 14: whatever it says, what passes can be written into a record of the bus', () => {
    fc.assert(
      fc.property(fc.boolean(), anyText, fc.oneof(fc.constant(TIME), anyText), (active, status, time) => {
        const judged = judgeFrame(encodeAccount({ did, time, active, status }).frame, context)
        if (judged.reason !== null) return
        const { frame, seqAt, repo, account, marked } = judged
        const head = { type: '#account', did, host: 'a.example', digest: '', authoritative: true } as const
        const numbers = { rawGeneration: 1, rawOffset: 1, epoch: 1, hostSeq: 1, receivedMs: 1 }
        encodeVerifiedRecord([{ ...head, ...numbers, frame, seqAt, repo, account, marked }])
        expect(account?.status?.length ?? 0).toBeLessThanOrEqual(64)
      }),
    )
  })
})
