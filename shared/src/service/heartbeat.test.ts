import { expect, it } from 'vitest'
import { stalledText } from './heartbeat.ts'

it('says which stages nothing gets through, and nothing of those that this process does not have', () => {
  expect(stalledText({ raw: 59_000, control: undefined, log: 0 })).toBeUndefined()
  expect(stalledText({ raw: 61_000, control: 5, view: 315_400 })).toBe(
    'nothing gets through: raw (61 s), view (315 s)',
  )
})
