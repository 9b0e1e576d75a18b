import { expect, it } from 'vitest'
import { afterStandingMs, backoffMs } from './backoff.ts'

it('H3: the longer nothing was reached, the longer the pause, up to an hour; never none', () => {
  expect([0, 1, 6, 7, 9, 100].map((failures) => backoffMs(failures, () => 1))).toEqual([
    1_000, 2_000, 64_000, 300_000, 3_600_000, 3_600_000,
  ])
  expect(backoffMs(0, () => 0)).toBe(200)
})

it('H3: a connection that stood was no failure, one that was closed at once was', () => {
  expect(afterStandingMs(undefined)).toBeUndefined()
  expect(afterStandingMs(999)).toBeUndefined()
  expect(afterStandingMs(1_000, () => 1)).toBe(8_000)
  expect(afterStandingMs(1_000, () => 0)).toBe(200)
  expect(afterStandingMs(10_000, () => 1)).toBe(1_000)
})
