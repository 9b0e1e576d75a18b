import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SlotIndex } from './slot-index.ts'

/** Few hashes, so that many fall on one bucket or beside it, at the table's end as well. */
const hash = fc.oneof(fc.nat(8), fc.integer({ min: 2 ** 32 - 8, max: 2 ** 32 - 1 }), fc.nat(2 ** 32 - 1))
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), hash }),
  fc.record({ do: fc.constant('remove' as const), pick: fc.nat() }),
  fc.record({ do: fc.constant('move' as const), pick: fc.nat() }),
)

function slotsOf(index: SlotIndex, of: number): number[] {
  const slots: number[] = []
  for (let bucket = index.first(of); bucket >= 0; bucket = index.next(bucket, of))
    slots.push(index.slot(bucket))
  return slots.toSorted((a, b) => a - b)
}

describe('an index of places', () => {
  it('finds under each hash what was added and not removed, over growth and removals', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const index = new SlotIndex(2 ** 16)
        const model: { hash: number; slot: number }[] = []
        for (const [slot, one] of steps.entries()) {
          const known = one.do === 'add' ? undefined : model[one.pick % Math.max(1, model.length)]
          if (one.do === 'add') {
            index.add(one.hash, slot)
            model.push({ hash: one.hash, slot })
          } else if (known !== undefined) {
            const bucket = index.find(known.hash, known.slot)
            expect(index.slot(bucket)).toBe(known.slot)
            if (one.do === 'move') {
              index.move(bucket, slot)
              known.slot = slot
            } else {
              index.remove(bucket)
              model.splice(model.indexOf(known), 1)
            }
          }
        }
        expect(index.size).toBe(model.length)
        for (const of of new Set(model.map((one) => one.hash)))
          expect(slotsOf(index, of)).toEqual(
            model
              .filter((one) => one.hash === of)
              .map(({ slot }) => slot)
              .toSorted((a, b) => a - b),
          )
        expect(index.find(7, 1_000_000)).toBe(-1)
      }),
    )
  })

  it('is bounded: it says when it is full, and takes no more', () => {
    const index = new SlotIndex(1_024)
    let count = 0
    for (; !index.isFull; count++) index.add(count * 7_919, count)
    expect(count).toBe(96)
    expect(() => index.add(1, 1)).toThrow(RangeError)
    index.remove(index.find(0, 0))
    index.add(1, 1)
    expect(index.find(1, 1)).toBeGreaterThanOrEqual(0)
  })
})
