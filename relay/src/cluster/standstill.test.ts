import { expect, it } from 'vitest'
import { type Reach, Standstill } from './standstill.ts'
import { UnansweredWork } from './unanswered-work.ts'

const reach = (name: Reach['name'], stillMs: number, workedAgoMs: number): Reach => ({
  name,
  detail: `no ${name}`,
  stillMs,
  workedAgoMs,
})

it('stands still over any of what it needs, and has worked when the last of it got through', () => {
  const one = new Standstill([reach('kafka', 0, 300), reach('hosts', 0, 900)])
  expect([one.isStill, one.workedAgoMs, one.text]).toEqual([false, 900, undefined])
  const two = new Standstill([reach('kafka', 5_000, 5_000), reach('hosts', 0, 900)])
  expect([two.isStill, two.workedAgoMs]).toEqual([true, 5_000])
  expect(two.text).toBe('stands still for 5 s: no kafka')
  expect([...two.ages]).toEqual([
    ['kafka', 5_000],
    ['hosts', 0],
  ])
})

it('a restart could help once another has worked in its stead for a minute, and never where no other does', () => {
  let nowMs = 0
  const one = new Standstill([reach('kafka', 200_000, 200_000)], () => nowMs)
  one.noteYields(false)
  nowMs = 600_000
  one.noteYields(false)
  expect(one.restartCouldHelp).toBeUndefined()
  one.noteYields(true)
  nowMs += 59_999
  one.noteYields(true)
  expect(one.restartCouldHelp).toBeUndefined()
  nowMs += 1
  expect(one.restartCouldHelp).toContain('no kafka')
  one.noteYields(false)
  expect(one.restartCouldHelp).toBeUndefined()
})

it('work without an answer is a standstill once it was offered anew, and it stays out for longer each time', () => {
  let nowMs = 0
  let oldestMs = 0
  const work = new UnansweredWork(
    () => oldestMs,
    () => false,
    () => nowMs,
  )
  const second = () => {
    nowMs += 1_000
    work.look()
    return work.stillMs > 0
  }
  const outs: number[] = []
  for (let i = 0; i < 6; i++) {
    oldestMs = 20_000
    expect(second(), 'one request may be lost').toBe(false)
    oldestMs = 20_001
    expect(second()).toBe(true)
    expect(work.stillMs).toBe(20_001)
    // Given up: nothing is offered any more.
    oldestMs = 0
    let seconds = 0
    while (second()) seconds++
    outs.push(seconds)
  }
  expect(outs).toEqual([59, 119, 239, 479, 599, 599])
})

it('what waited while Kafka was out of reach is counted from when it is back', () => {
  let nowMs = 0
  let isAway = true
  const work = new UnansweredWork(
    () => nowMs,
    () => isAway,
    () => nowMs,
  )
  const after = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      nowMs += 1_000
      work.look()
    }
    return work.stillMs > 0
  }
  expect(after(300)).toBe(false)
  isAway = false
  expect(after(20)).toBe(false)
  expect(after(1)).toBe(true)
})
