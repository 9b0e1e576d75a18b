import { describe, expect, it } from 'vitest'
import { startOf } from './cursor.ts'

const bounds = { first: 100, next: 200, evicted: true }

describe('where a subscription begins (Q2–Q5)', () => {
  it.each([
    [null, { kind: 'from', seq: 200, how: 'live' }],
    ['0', { kind: 'from', seq: 100, how: 'window' }],
    ['150', { kind: 'from', seq: 151, how: 'cursor' }],
    ['99', { kind: 'from', seq: 100, how: 'cursor' }],
    ['98', { kind: 'from', seq: 100, how: 'outdated' }],
    ['199', { kind: 'from', seq: 200, how: 'cursor' }],
    ['200', { kind: 'future' }],
    ['9007199254740991', { kind: 'future' }],
  ])('cursor %s', (cursor, start) => expect(startOf(cursor, bounds)).toEqual(start))

  it('nothing was evicted: an old cursor is not outdated (Q4)', () => {
    expect(startOf('5', { ...bounds, evicted: false })).toEqual({ kind: 'from', seq: 100, how: 'cursor' })
  })

  it.each(['', '-1', '1.5', 'x', '1e3', ' 1', '9007199254740993', '99999999999999999999'])(
    '%j is refused',
    (cursor) => {
      expect(startOf(cursor, bounds).kind).toBe('invalid')
    },
  )
})
