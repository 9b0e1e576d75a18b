import { describe, expect, it } from 'vitest'
import type { Reading } from './answers.ts'
import { quantile, rate, ratesBy, total } from './figures.ts'

function reading(nowMs: number, figures: Reading['figures']): Reading {
  return { nowMs, processes: [], figures }
}

const events = (commits: number, identities: number) => ({
  events: [
    { labels: { type: '#commit' }, value: commits },
    { labels: { type: '#identity' }, value: identities },
  ],
})
const buckets = (...counts: readonly number[]) => ({
  seconds_bucket: counts.map((value, i) => ({ labels: { le: ['0.1', '1', '+Inf'][i] as string }, value })),
})

describe('figures', () => {
  it('are added up over their labels', () => {
    const one = reading(0, events(3, 4))
    expect([total(one, 'events'), total(one, 'events', { type: '#commit' }), total(one, 'else')]).toEqual([
      7, 3, 0,
    ])
  })

  it('two readings give rates, by label too, the fastest first', () => {
    const [before, now] = [reading(1_000, events(10, 10)), reading(3_000, events(20, 40))]
    expect(rate(before, now, 'events')).toBe(20)
    expect(ratesBy(before, now, 'events', 'type')).toEqual([
      ['#identity', 15],
      ['#commit', 5],
    ])
    expect(ratesBy(before, before, 'events', 'type')).toEqual([])
  })

  it('a counter that began anew gives no negative rate', () => {
    expect(rate(reading(0, events(9, 9)), reading(2_000, events(1, 1)), 'events')).toBe(0)
  })

  it('a quantile is of what came between two readings', () => {
    const [before, now] = [reading(0, buckets(100, 100, 100)), reading(1, buckets(110, 120, 120))]
    expect(quantile(before, now, 'seconds', 0.5)).toBeCloseTo(0.1)
    expect(quantile(before, now, 'seconds', 0.75)).toBeCloseTo(0.55)
    expect(quantile(before, before, 'seconds', 0.5)).toBeUndefined()
  })

  it('beyond the last bound there is nothing to tell but that bound', () => {
    expect(quantile(reading(0, buckets(0, 0, 0)), reading(1, buckets(0, 0, 5)), 'seconds', 0.5)).toBe(1)
  })
})
