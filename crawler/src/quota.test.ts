import { until } from '@bgs/testkit/until.ts'
import { expect, it } from 'vitest'
import { Flow, type PauseCause } from './flow.ts'
import { Quota } from './quota.ts'

const ENDLESS = Number.POSITIVE_INFINITY
const limits = (perHour: number) => ({
  perSecond: ENDLESS,
  perHour,
  perDay: ENDLESS,
  otherPerHour: ENDLESS,
  uselessPerSecond: ENDLESS,
  slowMsPerMinute: ENDLESS,
})
const HOUR = 3_600_000

it('H8: a limit that is raised leaves what it was raised by, a lowered one what there is of it', () => {
  const now = { value: 0 }
  const quota = new Quota(limits(10), () => now.value)
  for (let i = 0; i < 10; i++) expect(quota.take(true)).toBe(0)
  expect(quota.take(true)).toBe(HOUR / 10)
  quota.change(limits(100))
  expect(quota.waitMs()).toBe(0)
  for (let i = 0; i < 89; i++) expect(quota.take(true)).toBe(0)
  expect(quota.take(true)).toBe(HOUR / 100)
  quota.change(limits(5))
  expect(quota.waitMs()).toBe(HOUR / 5)
  quota.change(limits(ENDLESS))
  expect(quota.waitMs()).toBe(0)
  quota.change(limits(5))
  for (let i = 0; i < 5; i++) expect(quota.take(true)).toBe(0)
  expect(quota.take(true)).toBe(HOUR / 5)
})

it('a pause for the quota ends, or goes on, as the changed one says; other pauses know nothing of it', async () => {
  const seen: (PauseCause | 'on')[] = []
  let gate: Promise<void> | undefined
  const flow = new Flow({
    gate: () => gate,
    room: () => undefined,
    isFull: () => false,
    pause: (cause) => seen.push(cause),
    resume: () => seen.push('on'),
  })
  flow.changePause(0)
  flow.pauseFor(HOUR)
  flow.changePause(HOUR)
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual(['quota'])
  flow.changePause(0)
  await until('reading', () => seen.length === 2)
  expect(seen).toEqual(['quota', 'on'])
  gate = Promise.withResolvers<void>().promise
  flow.check()
  flow.changePause(0)
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual(['quota', 'on', 'space'])
})
