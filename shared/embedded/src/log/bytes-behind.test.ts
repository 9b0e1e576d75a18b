import { expect, it } from 'vitest'
import { bytesBehind } from './bytes-behind.ts'

const SEGMENTS = [
  { firstSeq: 100, end: 1_000 },
  { firstSeq: 200, end: 4_000 },
]

it.each([
  [300, 0, 'at the end'],
  [301, 0, 'ahead of this node'],
  [250, 2_000, 'in the newest segment'],
  [200, 4_000, 'at its beginning'],
  [150, 4_500, 'in an older one'],
  [0, 5_000, 'below all that is kept'],
])('a subscriber at %i lacks %i bytes: %s', (next, bytes) => {
  expect(bytesBehind(SEGMENTS, next, 300)).toBe(bytes)
})

it('an empty log has nothing to lack', () => {
  expect(bytesBehind([], 1, 1)).toBe(0)
  expect(bytesBehind([{ firstSeq: 1, end: 0 }], 1, 1)).toBe(0)
})
