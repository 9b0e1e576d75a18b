import { expect, it } from 'vitest'
import { percentile } from './percentile.ts'

const hundred = Array.from({ length: 100 }, (_, i) => i + 1)

it.each([
  [hundred, 0.5, 50],
  [hundred, 0.99, 99],
  [hundred, 0.999, 100],
  [hundred, 0, 1],
  [hundred, 1, 100],
  [[7], 0.99, 7],
  [[1, 2, 3], 0.5, 2],
])('of %j at %d it is %d', (values, share, value) => expect(percentile(values, share)).toBe(value))

it('of nothing it is no number', () => expect(percentile([], 0.5)).toBeNaN())
