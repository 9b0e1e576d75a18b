import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type MemberSeen, mayTakeOver, sharers } from './standing.ts'

const LEASE_MS = 4_000
const NOW_MS = 100_000
const works = (id: string, change: Partial<MemberSeen> = {}): MemberSeen => ({
  id,
  standstillMs: 0,
  workingMs: NOW_MS - LEASE_MS,
  workedMs: NOW_MS,
  ...change,
})
const still = (id: string, change: Partial<MemberSeen> = {}) =>
  works(id, { standstillMs: NOW_MS - 500, workedMs: NOW_MS - 5_000, ...change })
const among = (...members: MemberSeen[]) => [...sharers(members, NOW_MS, LEASE_MS)].sort()

it('things are shared among those that get work through (invariant 1)', () => {
  expect(among(works('a'), works('b'))).toEqual(['a', 'b'])
  expect(among(works('a'), still('b'))).toEqual(['a'])
})

it.each<[string, MemberSeen]>([
  ['stands still as well', still('b')],
  ['has had nothing through since', works('b', { workedMs: NOW_MS - 501 })],
  ['has only just begun', works('b', { workingMs: NOW_MS - LEASE_MS + 1 })],
])('nobody loses anything to one that %s', (_what, b) => {
  expect(among(still('a'), b)).toEqual(['a', 'b'])
  expect(mayTakeOver(b, still('a'), NOW_MS, LEASE_MS)).toBe(false)
})

it('of one that works nothing is taken', () => {
  expect(mayTakeOver(works('b'), works('a'), NOW_MS, LEASE_MS)).toBe(false)
})

it('there is always somebody among whom things are shared, and all who work are', () => {
  const member = fc.record({
    standstillMs: fc.constantFrom(0, 90_000, 99_000),
    workingMs: fc.nat(NOW_MS),
    workedMs: fc.nat(NOW_MS),
  })
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 6 }), (rows) => {
      const members = rows.map((row, i) => ({ ...row, id: String(i) }))
      const sharing = sharers(members, NOW_MS, LEASE_MS)
      expect(sharing.size).toBeGreaterThan(0)
      for (const { id, standstillMs } of members) if (standstillMs === 0) expect(sharing.has(id)).toBe(true)
    }),
  )
})
