import { expect, it } from 'vitest'
import { Scheduler, StandstillError } from './scheduler.ts'
import { SimProcess } from './sim-process.ts'

const after = (scheduler: Scheduler, ms: number) =>
  new Promise<void>((resolve) => scheduler.at(scheduler.nowMs + ms, () => resolve()))

it('happens in the order of the moments, and of one moment in the order in which it was made', async () => {
  const scheduler = new Scheduler()
  const seen: string[] = []
  const note = (what: string) => () => seen.push(`${what} at ${scheduler.nowMs}`)
  scheduler.at(30, note('c'))
  scheduler.at(10, note('a'))
  scheduler.at(10, note('b'))
  scheduler.at(20, note('never')).isCancelled = true
  await scheduler.until(after(scheduler, 40))
  expect(seen).toEqual(['a at 10', 'b at 10', 'c at 30'])
})

it('promises come to rest before anything else happens', async () => {
  const scheduler = new Scheduler()
  const seen: string[] = []
  scheduler.at(1, () => {
    void (async () => {
      for (let i = 0; i < 5; i++) await undefined
      await new Promise<void>((resolve) => process.nextTick(resolve))
      seen.push('promises')
    })()
  })
  scheduler.at(1, () => seen.push('next'))
  await scheduler.until(after(scheduler, 2))
  expect(seen).toEqual(['promises', 'next'])
})

it('says so where nothing is left that could happen', async () => {
  await expect(new Scheduler().until(new Promise(() => undefined))).rejects.toThrow(StandstillError)
})

it('what falls into pauses waits for the end of the longest, and keeps its order', async () => {
  const scheduler = new Scheduler()
  const process = new SimProcess('relay', scheduler)
  const seen: string[] = []
  for (const ms of [5, 15, 25, 35]) process.at(ms, () => seen.push(`${ms} at ${scheduler.nowMs}`))
  scheduler.at(10, () => process.pause(20))
  scheduler.at(20, () => process.pause(5))
  await scheduler.until(after(scheduler, 40))
  expect(seen).toEqual(['5 at 5', '15 at 30', '25 at 30', '35 at 35'])
})

it('nothing of a process that was killed happens, and its code runs as its own', async () => {
  const scheduler = new Scheduler()
  const process = new SimProcess('relay', scheduler)
  const seen: unknown[] = []
  process.at(1, () => seen.push(SimProcess.current?.name))
  process.at(3, () => seen.push('never'))
  scheduler.at(2, () => process.kill())
  await scheduler.until(after(scheduler, 5))
  expect(seen).toEqual(['relay'])
})
