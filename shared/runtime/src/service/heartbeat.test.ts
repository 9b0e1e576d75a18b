import { expect, it } from 'vitest'
import { stalledText, stuckText } from './heartbeat.ts'

it('says which stages nothing gets through, and nothing of those that this process does not have', () => {
  expect(stalledText({ raw: 59_000, control: undefined, log: 0 })).toBeUndefined()
  expect(stalledText({ raw: 61_000, control: 5, view: 315_400 })).toBe(
    'nothing gets through: raw (61 s), view (315 s)',
  )
})

it('takes two minutes for what a restart could help, where a minute is what an operator should look at', () => {
  expect(stuckText({ control: 120_000, log: 61_000, view: 0 })).toBeUndefined()
  expect(stuckText({ control: 5, log: 120_001, view: 0 })).toBe('nothing gets through: log (120 s)')
})
