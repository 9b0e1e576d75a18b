import { expect, it } from 'vitest'
import { ClockDoubt } from './clock-doubt.ts'

it('C4: one host that is ahead of others is wrong; where most are, this relay is', () => {
  let nowMs = 0
  const doubt = new ClockDoubt(() => nowMs)
  expect(doubt.isDoubted).toBe(false)
  // Nobody else has said anything: it may be either.
  doubt.noteAhead('a', nowMs)
  expect(doubt.isDoubted).toBe(true)
  doubt.noteFits('b')
  expect(doubt.isDoubted).toBe(false)
  doubt.noteAhead('c', nowMs)
  expect(doubt.isDoubted).toBe(true)
  for (const host of ['d', 'e']) doubt.noteFits(host)
  expect(doubt.isDoubted).toBe(false)
  // Its clock was mended.
  for (const host of ['a', 'c']) doubt.noteFits(host)
  expect(doubt.isDoubted).toBe(false)
  for (const host of ['a', 'b', 'c', 'd', 'e']) doubt.noteAhead(host, nowMs)
  expect(doubt.isDoubted).toBe(true)
  nowMs += 61_000
  expect(doubt.isDoubted).toBe(false)
})

it('C4: where only one speaks, one that fitted before tells, unless the clock was set since', () => {
  let nowMs = 0
  let wallMs = 1_000_000
  const doubt = new ClockDoubt(() => nowMs)
  const later = (ms: number) => {
    nowMs += ms
    wallMs += ms
    doubt.look(wallMs)
  }
  later(0)
  doubt.noteFits('a')
  later(1_000)
  doubt.noteFits('b')
  later(600_000)
  doubt.noteAhead('b', wallMs)
  expect(doubt.isDoubted).toBe(false)
  // What a host says of itself is no proof.
  doubt.noteAhead('a', wallMs)
  expect(doubt.isDoubted).toBe(true)
  later(61_000)
  expect(doubt.isDoubted).toBe(false)
  doubt.noteFits('c')
  wallMs -= 600_000
  later(1_000)
  doubt.noteAhead('b', wallMs)
  expect(doubt.isDoubted).toBe(true)
  later(1_000)
  expect(doubt.isDoubted).toBe(true)
})

it('C4: a clock that was set back is noticed with the first frame that lies in its future, before any look', () => {
  const doubt = new ClockDoubt(() => 5_000)
  doubt.look(1_000_000)
  doubt.noteFits('a')
  doubt.look(1_000_000)
  doubt.noteAhead('b', 1_000_000)
  expect(doubt.isDoubted).toBe(false)
  // Not outvoted, either, by whose revs fitted before.
  for (const host of ['a', 'c', 'd']) doubt.noteFits(host)
  doubt.noteAhead('b', 400_000)
  expect(doubt.isDoubted).toBe(true)
})
