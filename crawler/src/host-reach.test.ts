import { expect, it } from 'vitest'
import { HostReach } from './host-reach.ts'

/** A crawler's view of its hosts, second by second. */
function started() {
  let nowMs = 0
  const reach = new HostReach(() => nowMs)
  const after = (seconds: number, tried: number, isReached = false) => {
    for (let i = 0; i < seconds; i++) {
      nowMs += 1_000
      reach.note({ tried, isReached })
    }
    return reach.isStill
  }
  return { reach, after }
}

it('stands still once of several hosts none was reached for a minute, and no longer when one is', () => {
  const { reach, after } = started()
  expect(after(59, 5)).toBe(false)
  expect(after(2, 5)).toBe(true)
  expect(reach.stillMs).toBe(61_000)
  expect(after(600, 5), 'nobody took them: it goes on trying').toBe(true)
  expect(after(1, 5, true)).toBe(false)
  expect(reach.workedAgoMs).toBe(0)
  expect(after(59, 5)).toBe(false)
})

it('judges nothing by one or two hosts, or by none', () => {
  const { after } = started()
  expect(after(300, 2)).toBe(false)
  expect(after(300, 0)).toBe(false)
  expect(after(61, 3)).toBe(true)
})

it('stays out for a minute when it has given up its hosts, then for longer each time that it finds the same', () => {
  const { after } = started()
  const outs: number[] = []
  for (let i = 0; i < 6; i++) {
    expect(after(61, 5)).toBe(true)
    let seconds = 1
    while (after(1, 0)) seconds++
    outs.push(seconds)
  }
  expect(outs).toEqual([61, 121, 241, 481, 601, 601])
  after(1, 5, true)
  expect(after(61, 5)).toBe(true)
  expect(after(61, 0), 'reached meanwhile: a minute again').toBe(false)
})
