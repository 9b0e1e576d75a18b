import { expect, it } from 'vitest'
import type { HostReport } from './host-report.ts'
import { noteEnded } from './host-report.ts'

const NOW_MS = Date.UTC(2026, 10, 28)
const REFUSED = { cause: 'refused', detail: 'connect ECONNREFUSED' } as const
const USUAL = { isNew: false, isAhead: false }

/** The longest pauses after so many attempts in vain, of a host that spoke so long ago. */
function longest(failures: number, silentMs: number): number {
  const pauses = Array.from({ length: 200 }, () => {
    const report = { failures, lastEventMs: NOW_MS - silentMs } as HostReport
    return noteEnded(report, REFUSED, false, USUAL, NOW_MS)
  })
  return Math.max(...pauses)
}

it('H3: a host is waited for no longer than it has been silent, however often it was tried meanwhile', () => {
  expect(longest(20, 90_000)).toBe(90_000)
  expect(longest(20, 1_000)).toBe(30_000)
  // Its clock, or this one, was set.
  expect(longest(20, -7_200_000)).toBe(30_000)
  expect(longest(20, 86_400_000)).toBeGreaterThan(3_000_000)
  expect(longest(20, NOW_MS), 'nothing was ever heard of it').toBeGreaterThan(3_000_000)
  expect(longest(1, 86_400_000)).toBeLessThanOrEqual(4_000)
})
