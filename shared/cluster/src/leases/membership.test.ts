import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fairShare } from './membership.ts'

it.each([
  [16, 3, 6],
  [16, 4, 4],
  [16, 1, 16],
  [3, 8, 1],
  [0, 5, 0],
  [7, 0, 7],
])('of %i things one of %i members takes %i at most', (things, members, share) =>
  expect(fairShare(things, members)).toBe(share),
)

it('the shares of all are enough for all things, and no share is larger than it must be', () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 500 }), (things, members) => {
      const share = fairShare(things, members)
      expect(share * members).toBeGreaterThanOrEqual(things)
      expect((share - 1) * members).toBeLessThan(Math.max(things, 1))
    }),
  )
})
