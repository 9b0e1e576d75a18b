import { until } from '@bgs/testkit/until.ts'
import { expect, it } from 'vitest'
import { CRAWL, FloodedRelay, type ListenerName } from './flooded-relay.ts'

const HALF_OPEN = 2_000
const AT_ONCE = 500
const DROPPED_MS = 45_000
const HALVES = ['', 'GET / HTTP/1.1\r\nhost: x\r\n', `${CRAWL}content-length: 9\r\n\r\n`]

/** Most of it is waiting until they are dropped: for both listeners at once. */
it.concurrent.each<ListenerName>(['public', 'operator'])(
  'thousands of half-open connections to the %s listener are dropped (invariant 12, W10)',
  async (listener) => {
    await using flooded = await FloodedRelay.start(listener)
    for (const half of HALVES) await flooded.open(half)
    flooded.beginToMeasure()
    for (let i = 0; i < HALF_OPEN; i++) {
      ;(await flooded.open(HALVES[i % HALVES.length] as string)).resume()
      if ((i + 1) % AT_ONCE === 0) expect(await flooded.isServed()).toBe(true)
    }
    await until('all are dropped', () => flooded.sockets.every(({ destroyed }) => destroyed), DROPPED_MS)
    await flooded.expectUnharmed()
  },
)
