import type { Reading } from './answers.ts'
import { quantile, rate } from './figures.ts'

const KEPT_MS = 10 * 60_000
/** Quantiles of a few events would jump: those of the last readings together are shown. */
const QUANTILE_READINGS = 6

/** What the charts show of one moment. */
export interface Point {
  readonly atMs: number
  readonly eventsIn: number
  readonly eventsOut: number
  readonly middleSeconds: number | undefined
  readonly lateSeconds: number | undefined
}

/** The readings that figures are reckoned from, and what came of the older ones. */
export interface History {
  /** Newest last. */
  readonly readings: readonly Reading[]
  readonly points: readonly Point[]
}

export const NO_HISTORY: History = { readings: [], points: [] }

/** A history with one more reading; what is older than ten minutes is left out. */
export function withReading(history: History, now: Reading): History {
  const readings = [...history.readings, now].slice(-QUANTILE_READINGS)
  const before = history.readings.at(-1)
  if (before === undefined) return { readings, points: history.points }
  const oldest = readings[0] as Reading
  const point: Point = {
    atMs: now.nowMs,
    eventsIn: rate(before, now, 'relay_crawler_frames_total'),
    eventsOut: rate(before, now, 'relay_fanout_events_total'),
    middleSeconds: quantile(oldest, now, 'relay_sequencer_end_to_end_seconds', 0.5),
    lateSeconds: quantile(oldest, now, 'relay_sequencer_end_to_end_seconds', 0.99),
  }
  const kept = history.points.filter(({ atMs }) => atMs > now.nowMs - KEPT_MS)
  return { readings, points: [...kept, point] }
}
