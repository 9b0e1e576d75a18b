import { expect, it } from 'vitest'
import { NO_HISTORY, spanOf, withReading } from './history.ts'

it('the last ten minutes are kept, and a few readings', () => {
  let history = NO_HISTORY
  for (let i = 0; i <= 400; i++) {
    const frames = [{ labels: {}, value: i * 10 }]
    const figures = { relay_crawler_frames_total: frames, relay_fanout_events_total: frames }
    history = withReading(history, { nowMs: i * 2_000, processes: [], figures })
  }
  expect(history.points).toHaveLength(300)
  expect(history.points.at(-1)).toEqual({
    atMs: 800_000,
    eventsIn: 5,
    eventsOut: 5,
    middleSeconds: undefined,
    lateSeconds: undefined,
  })
  expect(history.readings).toHaveLength(6)
})

it('one process is read from one reading to the next, several over all that are kept', () => {
  const [one, two] = [1, 2].map((count) => {
    const processes = Array.from({ length: count }, (_, i) => ({
      id: `${i}`,
      role: '',
      memoryBytes: 0,
      cpuSeconds: 0,
    }))
    return spanOf({ readings: [1, 2, 3].map((nowMs) => ({ nowMs, processes, figures: {} })) })
  })
  expect([one?.before.nowMs, one?.oldest.nowMs, one?.now.nowMs]).toEqual([2, 1, 3])
  expect(two?.before.nowMs).toBe(1)
  expect(spanOf({ readings: [{ nowMs: 1, processes: [], figures: {} }] })).toBeUndefined()
})
