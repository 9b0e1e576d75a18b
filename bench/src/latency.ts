import { medians, RUNS } from './medians.ts'
import { measurePaced, type PacedRun } from './paced.ts'
import { startWarmScene } from './warm-scene.ts'

const SUBSCRIBERS = 10
const RATES = [200, 1_000, 3_000] as const

/** `latency [SECONDS]`: so long at each rate. */
export async function benchLatency([seconds = 6]: readonly number[]): Promise<unknown> {
  const { scene: started, places } = await startWarmScene()
  await using scene = started
  const runs: PacedRun[] = []
  for (let i = 0; i < RUNS; i++)
    for (const rate of RATES)
      runs.push(await measurePaced(scene, places, { rate, events: rate * seconds, subscribers: SUBSCRIBERS }))
  return {
    bench: 'latency',
    tls: false,
    frameBytes: scene.source.meanFrameBytes,
    rows: RATES.map((rate) => medians(runs.filter((run) => run.rate === rate))),
    all: runs.map((run) =>
      [run.rate, run.p50Ms, run.p99Ms, run.p999Ms, run.relayMicrosPerEvent, run.otherCores, run.exact].join(
        ' ',
      ),
    ),
  }
}
