import { beforeEach, expect, it } from 'vitest'
import { SteadyClock } from './steady-clock.ts'

const HOUR = 3_600_000
let monoMs: number
let wallMs: number
beforeEach(() => {
  monoMs = 500
  wallMs = 1_790_000_000_000
})
const pass = (ms: number) => {
  monoMs += ms
  wallMs += ms
}
const clock = (lastMs?: number) =>
  new SteadyClock(
    lastMs,
    () => wallMs,
    () => monoMs,
  )

it('goes on as ever while the time of day is set forward and back', () => {
  const steady = clock()
  const begunMs = steady.now()
  for (const step of [8_000, -8_000, 365 * 24 * HOUR, -365 * 24 * HOUR, -600_000, 600_000]) {
    wallMs += step
    pass(10_000)
    steady.now()
  }
  expect(steady.now() - begunMs).toBe(60_000)
  expect(steady.stepMs).toBe(0)
})

it('follows what a time server corrects, and a step that has stood for an hour', () => {
  const steady = clock()
  wallMs += 900
  expect(steady.now()).toBe(wallMs)
  wallMs += 7_200_000
  for (let i = 0; i < 59; i++) {
    pass(60_000)
    expect(steady.now()).toBe(wallMs - 7_200_000)
  }
  pass(120_000)
  expect(steady.now()).toBe(wallMs)
})

it('begins where the last known time left off, whatever time of day a start finds', () => {
  const steady = clock(wallMs - 72 * HOUR)
  expect(steady.now()).toBe(wallMs - 72 * HOUR)
  expect(steady.stepMs).toBe(72 * HOUR)
  pass(HOUR)
  expect(steady.now()).toBe(wallMs)
})
