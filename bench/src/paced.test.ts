import { expect, it } from 'vitest'
import { delays } from './paced.ts'

const sent = [100, 110, 120]

it('each event is timed by its own send, however they come', () => {
  const arrived = [
    [1, 113],
    [0, 114],
    [2, 121],
  ] as const
  expect(delays(arrived, sent)).toEqual({ millis: [1, 3, 14], exact: true })
})

it.each([
  ['is missing', [[0, 101] as const]],
  ['came twice', [0, 1, 1, 2].map((event) => [event, 130] as const)],
  ['is none of them', [0, 1, 2, Number.NaN].map((event) => [event, 130] as const)],
])('an event that %s is told', (_, arrived) => expect(delays(arrived, sent).exact).toBe(false))
