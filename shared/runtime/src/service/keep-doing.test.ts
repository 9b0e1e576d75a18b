import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { expect, it, vi } from 'vitest'
import { keepDoing } from './keep-doing.ts'

it('invariant 14: bookkeeping that fails is begun anew, counted, and never rejects', async () => {
  vi.useFakeTimers()
  try {
    const stop = new AbortController()
    let failures = 0
    let begun = 0
    const kept = keepDoing(
      'a task',
      async () => {
        if (++begun < 4) throw new Error('a row that the database does not take')
        stop.abort()
      },
      { logger: silentLogger, signal: stop.signal, onFailure: () => failures++ },
    )
    await vi.runAllTimersAsync()
    await expect(kept).resolves.toBeUndefined()
    expect([begun, failures]).toEqual([4, 3])
  } finally {
    vi.useRealTimers()
  }
})
