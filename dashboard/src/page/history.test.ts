import { expect, it } from 'vitest'
import { NO_HISTORY, withReading } from './history.ts'

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
