import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CursorTracker, type InFlight } from './cursor-tracker.ts'

describe('the cursor of a host (Q9, invariant 11)', () => {
  it('is the highest seq all of whose predecessors are done, whatever the order in which they are done', () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('begin' as const), gap: fc.integer({ min: 1, max: 5 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('pass' as const), gap: fc.integer({ min: 1, max: 5 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish' as const), which: fc.nat(10_000) }) },
    )
    fc.assert(
      fc.property(fc.option(fc.nat(1_000)), fc.array(step, { maxLength: 300 }), (cursor, steps) => {
        let calls = 0
        const tracker = new CursorTracker(cursor, () => calls++)
        const begun: { seq: number; done: boolean }[] = []
        const open: { token: InFlight; of: { done: boolean }; bytes: number }[] = []
        let seq = cursor ?? 0
        let finished = 0
        for (const action of steps) {
          if (action.kind === 'finish') {
            const [one] = open.splice(action.which % Math.max(1, open.length), 1)
            if (one === undefined) continue
            one.of.done = true
            tracker.finish(one.token)
            finished++
          } else {
            seq += action.gap
            const of = { seq, done: action.kind === 'pass' }
            begun.push(of)
            if (action.kind === 'begin') open.push({ token: tracker.begin(seq, seq), of, bytes: seq })
            else {
              tracker.pass(seq)
              finished++
            }
          }
          const firstOpen = begun.findIndex(({ done }) => !done)
          const before = firstOpen === -1 ? begun.at(-1) : begun[firstOpen - 1]
          expect(tracker.lowWater).toBe(before?.seq ?? cursor)
          expect(tracker.bytes).toBe(open.reduce((sum, { bytes }) => sum + bytes, 0))
          expect(tracker.count).toBe(firstOpen === -1 ? 0 : begun.length - firstOpen)
          expect(calls).toBe(finished)
        }
      }),
    )
  })

  it('stays right when its queue is shortened, over thousands of frames', () => {
    const tracker = new CursorTracker(null, () => undefined)
    const tokens: InFlight[] = []
    for (let seq = 1; seq <= 10_000; seq++) {
      tokens.push(tracker.begin(seq, 1))
      if (seq <= 100) continue
      tracker.finish(tokens[seq - 100] as InFlight)
      expect(tracker.lowWater).toBe(null)
    }
    tracker.finish(tokens[0] as InFlight)
    expect([tracker.lowWater, tracker.count, tracker.bytes]).toEqual([9_901, 99, 99])
    for (const token of tokens.slice(9_901)) tracker.finish(token)
    expect([tracker.lowWater, tracker.count, tracker.bytes]).toEqual([10_000, 0, 0])
  })
})
