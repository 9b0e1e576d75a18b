import { expect, it } from 'vitest'
import { median, medians, round } from './medians.ts'

it.each([
  [[3], 3],
  [[9, 1, 5], 5],
  [[10, 9, 100], 10],
  [[4, 1, 2, 3], 2],
])('of %j the median is %d', (values, middle) => expect(median(values)).toBe(middle))

it('does not change the runs', () => {
  const values = [3, 1, 2]
  median(values)
  expect(values).toEqual([3, 1, 2])
})

it('each field by itself; what is no number once where all agree, else all of it', () => {
  const runs = [
    { rate: 30, cpu: 1, frames: 'a', exact: true },
    { rate: 10, cpu: 3, frames: 'a', exact: false },
    { rate: 20, cpu: 2, frames: 'a', exact: true },
  ]
  expect(medians(runs)).toEqual({ rate: 20, cpu: 2, frames: 'a', exact: [true, false, true] })
})

it('each field of an object in a run by itself', () => {
  const runs = [3, 1, 2].map((cpu) => ({ micros: { crawler: cpu, broker: 4 - cpu }, hosts: [1, 2] }))
  expect(medians(runs)['micros']).toEqual({ crawler: 2, broker: 2 })
})

it('rounds to places', () => expect([round(1.26), round(1.264, 2), round(-0.04)]).toEqual([1.3, 1.26, -0]))
