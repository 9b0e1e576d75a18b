import { expect, it, vi } from 'vitest'
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

it('a wall clock that is set back or forward moves no budget', () => {
  let nowMs = 0
  const wall = vi.spyOn(Date, 'now')
  const limit = new RateLimit({ perMinute: 60, burst: 1 }, () => nowMs)
  wall.mockReturnValue(1e12)
  limit.take('a')
  wall.mockReturnValue(1e12 - 600_000)
  expect(() => limit.take('a')).toThrow('too many requests')
  nowMs += 1_000
  limit.take('a')
  wall.mockReturnValue(1e12 + 600_000)
  expect(() => limit.take('a')).toThrow('too many requests')
  wall.mockRestore()
})

it('of itself it counts on a clock that nobody sets', () => {
  const wall = vi.spyOn(Date, 'now')
  const clock = vi.spyOn(performance, 'now')
  wall.mockReturnValue(1e12)
  clock.mockReturnValue(1_000)
  const limit = new RateLimit({ perMinute: 60, burst: 1 })
  limit.take('a')
  wall.mockReturnValue(1e12 - 600_000)
  clock.mockReturnValue(2_000)
  limit.take('a')
  wall.mockRestore()
  clock.mockRestore()
})
