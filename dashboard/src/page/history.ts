import type { Reading } from './answers.ts'
import { quantile, rate } from './figures.ts'

const KEPT_MS = 10 * 60_000
/** Quantiles of a few events would jump: those of the last readings together are shown. */
const READINGS = 6

/** What the charts show of one moment. */
interface Point {
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

/** The readings that rates are reckoned from. */
export interface Span {
  readonly now: Reading
  /** For what changes quickly. */
  readonly before: Reading
  /** For what is seldom, or is to be shown quietly. */
  readonly oldest: Reading
}

/**
 * From which reading to which rates are reckoned; undefined as long as there is one only. The processes of a cluster tell
 * their figures every two seconds, each at its own time: from one reading to the next some have told nothing and some
 * twice, so all rates are those of several readings.
 */
export function spanOf({ readings }: Pick<History, 'readings'>): Span | undefined {
  const [oldest, last, now] = [readings[0], readings.at(-2), readings.at(-1)]
  if (oldest === undefined || last === undefined || now === undefined) return undefined
  return { now, oldest, before: now.processes.length > 1 ? oldest : last }
}

/** A history with one more reading; what is older than ten minutes is left out. */
export function withReading(history: History, now: Reading): History {
  const readings = [...history.readings, now].slice(-READINGS)
  const span = spanOf({ readings })
  if (span === undefined) return { readings, points: history.points }
  const { before, oldest } = span
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
