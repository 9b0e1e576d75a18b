import { batchBytes, LogBatch, writeBatch } from '@bgs/contract/log/log-batch.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Takedowns } from './takedowns.ts'
import { did, entry } from './testing/scene.ts'
import { Window } from './window.ts'

const FIRST = 2 ** 32

function batch(firstSeq: number, entries: ReturnType<typeof entry>[]): LogBatch {
  const bytes = Buffer.alloc(batchBytes(entries))
  writeBatch(bytes, 0, entries, firstSeq)
  return new LogBatch(bytes, firstSeq)
}

describe('invariant 15: the window in memory', () => {
  it('finds the batch that holds a seq, or the first behind it, like a walk through all of them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.nat({ max: 3 }), count: fc.integer({ min: 1, max: 4 }) }), {
          maxLength: 20,
        }),
        fc.integer({ min: 300, max: 5_000 }),
        (shape, maxBytes) => {
          const window = new Window(maxBytes)
          let kept: LogBatch[] = []
          let next = FIRST
          for (const { gap, count } of shape) {
            const one = batch(
              next + gap,
              Array.from({ length: count }, (_, i) => entry(i)),
            )
            next = one.lastSeq + 1
            window.add(one)
            kept.push(one)
            const bytes = () => kept.reduce((sum, item) => sum + item.bytes.length, 0)
            while (bytes() > maxBytes && kept.length > 1) kept = kept.slice(1)
            expect(window.bytes).toBe(bytes())
          }
          for (let seq = FIRST - 1; seq <= next; seq++) {
            const isBefore = kept[0] === undefined || seq < kept[0].firstSeq
            const expected = isBefore ? undefined : kept.find(({ lastSeq }) => lastSeq >= seq)
            expect(window.find(seq)).toBe(expected)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('E5: takedowns', () => {
  const followStatus = (takedowns: Takedowns, local: 'takendown' | 'active' | 'suspended' | 'throttled') =>
    takedowns.follow(batch(FIRST, [entry(1, { kind: '#account', local })]))

  it('leaves out #commit and #sync of the account, and nothing else', () => {
    const takedowns = new Takedowns()
    followStatus(takedowns, 'takendown')
    const all = batch(FIRST, [
      entry(1),
      entry(2),
      entry(1, { kind: '#sync' }),
      entry(1, { kind: '#identity' }),
      entry(3),
      entry(1, { kind: '#account' }),
      entry(1),
    ])
    const { frames, events } = takedowns.servable(all, 0)
    expect(events).toBe(4)
    expect(Buffer.concat(frames)).toEqual(Buffer.concat([all.frames(1, 2), all.frames(3, 6)]))
    const rest = takedowns.servable(all, 4)
    expect(rest.events).toBe(2)
    expect(Buffer.concat(rest.frames)).toEqual(all.frames(4, 6))
    expect(takedowns.servable(all, 6)).toEqual({ frames: [], events: 0 })
  })

  it.each(['active', 'suspended', 'throttled'] as const)('local %s lets it be served again', (local) => {
    const takedowns = new Takedowns()
    const all = batch(FIRST, [entry(1), entry(2)])
    followStatus(takedowns, 'takendown')
    followStatus(takedowns, 'takendown')
    expect(takedowns.servable(all, 0).events).toBe(1)
    followStatus(takedowns, local)
    expect(Buffer.concat(takedowns.servable(all, 0).frames)).toEqual(all.frames())
  })

  it('an account whose hash is that of one taken down is served', () => {
    const takedowns = new Takedowns()
    followStatus(takedowns, 'takendown')
    const { didHash } = entry(1)
    const all = batch(FIRST, [{ ...entry(2), didHash }, entry(1)])
    expect(takedowns.servable(all, 0).events).toBe(1)
    expect(did(1)).not.toBe(did(2))
  })
})
