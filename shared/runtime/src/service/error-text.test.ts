import { expect, test } from 'vitest'
import { errorText } from './error-text.ts'

test('a group of errors is told by its parts, each once', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:1')
  const group = new AggregateError([refused, new Error('connect ENETUNREACH ::1:1'), refused])
  expect(errorText(group)).toBe('connect ECONNREFUSED 127.0.0.1:1; connect ENETUNREACH ::1:1')
})

test('a group with a message of its own keeps it in front of its parts', () => {
  expect(errorText(new AggregateError([new Error('one way'), new Error('other way')], 'all failed'))).toBe(
    'all failed: one way; other way',
  )
})

test('a cause is told behind what it led to, and not twice', () => {
  const cause = new Error('socket hang up')
  expect(errorText(new TypeError('fetch failed', { cause }))).toBe('fetch failed: socket hang up')
  expect(errorText(new Error('it says: socket hang up', { cause }))).toBe('it says: socket hang up')
  const group = new AggregateError([cause])
  expect(errorText(new TypeError('fetch failed', { cause: group }))).toBe('fetch failed: socket hang up')
})

test('an error without a message is told by its code or name, what is no error as text', () => {
  expect(errorText(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe('ECONNRESET')
  expect(errorText(new RangeError())).toBe('RangeError')
  expect(errorText('plain')).toBe('plain')
  expect(errorText(undefined)).toBe('undefined')
  expect(errorText(Object.create(null))).toBe('an error that has no text')
})

test('the text is bounded, and so is the work: causes in a circle, groups of groups', () => {
  const circle = new Error('x'.repeat(5_000))
  circle.cause = circle
  expect(errorText(circle)).toHaveLength(2_000)
  let nested = new AggregateError([])
  for (let i = 0; i < 100; i++)
    nested = new AggregateError(
      Array.from({ length: 100 }, () => nested),
      `level ${i}`,
    )
  expect(errorText(nested).length).toBeLessThanOrEqual(2_000)
})
