import { expect, it } from 'vitest'
import { integer, optional, required } from './params.ts'

const params = (query: string) => new URLSearchParams(query)
const LIMIT = { least: 1, most: 1_000, fallback: 500 }

it('an empty parameter is none', () => {
  expect(optional(params('cursor='), 'cursor')).toBeNull()
  expect(integer(params('limit=&cursor='), 'limit', LIMIT)).toBe(500)
  expect(() => required(params('did='), 'did')).toThrow('"did" is required')
})

it('one that is given counts, and only once', () => {
  expect(optional(params('cursor=0'), 'cursor')).toBe('0')
  expect(integer(params('limit=7'), 'limit', LIMIT)).toBe(7)
  expect(() => integer(params('limit=0'), 'limit', LIMIT)).toThrow('from 1 to 1000')
  expect(() => integer(params('limit=%20'), 'limit', LIMIT)).toThrow('whole number')
  expect(() => optional(params('cursor=1&cursor=2'), 'cursor')).toThrow('more than once')
})
