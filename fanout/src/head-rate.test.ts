import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { HeadRate } from './head-rate.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

it('counts events of the last minute, whatever numbers they have, until it is closed', () => {
  const listeners = new Set<(batch: LogBatch) => void>()
  const rate = new HeadRate({
    tail: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  })
  // As in a cluster: a record of three events takes 4,096 seqs.
  const grow = (firstSeq: number) => {
    for (const listener of listeners) listener({ firstSeq, count: 3 } as LogBatch)
  }
  for (let second = 0; second < 30; second++) {
    grow(2 ** 32 + second * 4_096)
    vi.advanceTimersByTime(1_000)
  }
  expect(rate.perSecond()).toBeCloseTo(3, 1)
  vi.advanceTimersByTime(120_000)
  expect(rate.perSecond()).toBe(0)
  rate.close()
  expect(listeners.size).toBe(0)
})
