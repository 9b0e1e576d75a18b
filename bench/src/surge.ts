import { setTimeout as delay } from 'node:timers/promises'
import { KeptStream } from './kept-stream.ts'
import { medians, RUNS, round } from './medians.ts'
import { arrivals } from './paced.ts'
import { percentile } from './percentile.ts'
import { RawSubscription } from './raw-subscription.ts'
import type { Scene } from './scene.ts'
import { startWarmScene } from './warm-scene.ts'

/** What networks have on average; and a flood that comes within a moment, and ends so. */
const QUIET_RATE = 300
const QUIET_SECONDS = 5
const FLOOD_SECONDS = 3
/** Within this the pace is to be another. */
const TURN_MS = 100
const SUBSCRIBED_MS = 500
const SETTLED_MS = 1_000

/** Times from send to arrival, in milliseconds, of what was sent in one stretch. */
interface Stretch {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/**
 * `surge [RATE]`: a quiet network, a flood of so many events a second that begins and ends within a moment, and quiet again, in
 * front of one live subscriber: how soon an event is through in each stretch.
 */
export async function benchSurge([rate = 5_000]: readonly number[]): Promise<unknown> {
  const { scene: started, places } = await startWarmScene()
  await using scene = started
  const runs = []
  for (let i = 0; i < RUNS; i++) runs.push(await surge(scene, places, rate))
  return {
    bench: 'surge',
    quietRate: QUIET_RATE,
    rate,
    frameBytes: scene.source.meanFrameBytes,
    ...medians(runs),
    all: runs,
  }
}

async function surge(scene: Scene, places: ReadonlyMap<string, number>, rate: number) {
  const stream = new KeptStream()
  const { url } = scene.relay
  const judging = await RawSubscription.connect({ url, cursor: null, onChunk: stream.keep })
  await delay(SUBSCRIBED_MS)
  const first = scene.sent
  const quiet = QUIET_RATE * QUIET_SECONDS
  const flood = rate * FLOOD_SECONDS
  const reached = judging.reaches(2 * quiet + flood)
  await scene.pace(quiet, QUIET_RATE)
  await scene.pace(flood, rate)
  await scene.pace(quiet, QUIET_RATE)
  await reached
  const sentMs = await scene.source.sentMs(first)
  const arrived = [...arrivals(stream.messages(), places, first)]
  judging.close()
  await delay(SETTLED_MS)
  const millis = new Map(arrived.map(([event, atMs]) => [event, atMs - (sentMs[event] as number)]))
  const of = (from: number, to: number): Stretch => {
    const part = Array.from({ length: to - from }, (_, i) => millis.get(from + i) ?? Number.POSITIVE_INFINITY)
    part.sort((a, b) => a - b)
    return {
      p50Ms: round(percentile(part, 0.5), 1),
      p99Ms: round(percentile(part, 0.99), 1),
      maxMs: round(percentile(part, 1), 1),
    }
  }
  const turn = Math.round((rate * TURN_MS) / 1_000)
  const quietTurn = Math.round((QUIET_RATE * TURN_MS) / 1_000)
  const [begins, ends] = [quiet, quiet + flood]
  return {
    quiet: of(0, begins),
    floodBegins: of(begins, begins + turn),
    flood: of(begins + turn, ends),
    floodHasEnded: of(ends, ends + quietTurn),
    quietAgain: of(ends + quietTurn, ends + quiet),
    exact: arrived.length === 2 * quiet + flood && millis.size === arrived.length,
  }
}
