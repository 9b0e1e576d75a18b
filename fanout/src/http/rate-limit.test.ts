import { expect, it } from 'vitest'
import { RateLimit } from './rate-limit.ts'

it('W13: beyond the burst a caller gets 429 with Retry-After, others do not', () => {
  const limit = new RateLimit({ perMinute: 6, burst: 3 })
  for (let i = 0; i < 3; i++) limit.take('a')
  let error: unknown
  try {
    limit.take('a')
  } catch (caught) {
    error = caught
  }
  expect(error).toMatchObject({ status: 429, code: 'RateLimitExceeded', headers: { 'retry-after': '10' } })
  limit.take('b')
})
