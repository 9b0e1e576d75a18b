import { SEQ_SLOT_BYTES } from '@bgs/protocol/frame/seq-slot.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { verifyItems, verifyRequest } from './batch.ts'
import { readVerdict, slowMsOf } from './reply.ts'
import { packRequest, type VerifyItem } from './request.ts'
import type { Verdict, VerifyContext } from './verify-frame.ts'

const tid = fc.stringMatching(/^[2-7a-j][2-7a-z]{12}$/)
const cid = fc
  .uint8Array({ minLength: 36, maxLength: 36 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
const repo = fc.record({
  rev: tid,
  since: fc.option(tid),
  prevData: fc.option(cid),
  commit: cid,
  data: cid,
})
const account = fc.record({
  active: fc.boolean(),
  status: fc.option(fc.string({ unit: 'grapheme' })),
  time: fc.string(),
})
const rejected = fc.record({
  reason: fc.constantFrom('signature-invalid', 'frame-malformed', 'internal-error'),
  detail: fc.string({ unit: 'grapheme' }),
})
/** A verdict, and the frame that it is of. */
const judged = fc
  .record({
    frame: fc.uint8Array({ minLength: 9, maxLength: 60 }),
    seqLength: fc.constantFrom(1, 2, 3, 5, 9),
    what: fc.oneof(
      repo.map((facts) => ({ repo: facts, account: null })),
      account.map((facts) => ({ repo: null, account: facts })),
      fc.constant({ repo: null, account: null }),
      rejected,
    ),
    discontinuous: fc.boolean(),
    handle: fc.string({ unit: 'grapheme', maxLength: 8 }),
    key: fc.string({ maxLength: 8 }),
    lenient: fc.boolean(),
  })
  .chain((one) => fc.record({ one: fc.constant(one), seqAt: fc.nat(one.frame.length - 9) }))

type Judge = Parameters<typeof verifyRequest>[1]

it.each([
  [
    'in another thread',
    (items: VerifyItem[], judge: Judge) => verifyRequest(packRequest(7, items, 99), judge),
  ],
  ['where it is', (items: VerifyItem[], judge: Judge) => verifyItems(items, 99, judge)],
])(
  '%s each frame is given to the judge with its context, and each verdict comes back as it was',
  (_, verify) => {
    fc.assert(
      fc.property(fc.array(judged, { maxLength: 20 }), (all) => {
        const items = all.map(
          ({ one }) =>
            ({
              envelope: { frame: one.frame, lenient: one.lenient },
              identity: { keyType: 'Multikey', keyMultibase: one.key, handle: one.handle },
            }) as unknown as VerifyItem,
        )
        const seen: [Uint8Array, VerifyContext][] = []
        const reply = verify(items, (frame, context) => {
          const { one, seqAt } = all[seen.push([Uint8Array.from(frame), context]) - 1] as (typeof all)[number]
          if ('reason' in one.what) return one.what as Verdict
          return {
            reason: null,
            frame,
            seqAt,
            seqEnd: seqAt + one.seqLength,
            discontinuous: one.discontinuous,
            ...one.what,
          }
        })
        expect(seen).toEqual(
          all.map(({ one: { frame, key, handle, lenient } }) => [
            frame,
            { key: `Multikey ${key}`, handle, lenient, nowMs: 99 },
          ]),
        )
        for (const [i, { one, seqAt }] of all.entries()) {
          const verdict = readVerdict(reply, i)
          if ('reason' in one.what) {
            expect(verdict).toEqual(one.what)
            continue
          }
          const { frame, ...rest } = verdict as Extract<typeof verdict, { reason: null }>
          expect(rest).toEqual({ reason: null, seqAt, discontinuous: one.discontinuous, ...one.what })
          expect(Buffer.compare(frame.subarray(0, seqAt), one.frame.subarray(0, seqAt))).toBe(0)
          const behind = one.frame.subarray(seqAt + one.seqLength)
          expect(Buffer.compare(frame.subarray(seqAt + SEQ_SLOT_BYTES), behind)).toBe(0)
        }
      }),
      { numRuns: 200 },
    )
  },
)

it('a judge that fails refuses that frame alone', () => {
  const item = { envelope: { frame: new Uint8Array(3), lenient: false }, identity: { handle: '' } }
  const reply = verifyRequest(packRequest(1, [item, item] as never, 0), () => {
    throw new Error('odd')
  })
  for (const i of [0, 1])
    expect(readVerdict(reply, i)).toMatchObject({
      reason: 'internal-error',
      detail: expect.stringContaining('odd'),
    })
})

it('tells what a frame takes beyond an ordinary one', () => {
  const item = { envelope: { frame: new Uint8Array(3), lenient: false }, identity: { handle: '' } }
  const busy = [0, 40, 0]
  const reply = verifyRequest(packRequest(1, [item, item, item] as never, 0), () => {
    const end = performance.now() + (busy.shift() ?? 0)
    while (performance.now() < end);
    return { reason: 'frame-malformed', detail: '' }
  })
  const slow = [0, 1, 2].map((i) => slowMsOf(reply, i))
  expect([slow[0], slow[2]]).toEqual([0, 0])
  // Of the time that passed other processes may have had a part.
  expect(slow[1]).toBeGreaterThan(0)
  expect(slow[1]).toBeLessThanOrEqual(40)
})
