import { wait } from '@bgs/runtime/service/wait.ts'
import { runActivity } from '@bgs/simnet/activity.ts'
import { Random } from '@bgs/simnet/random.ts'
import { QUIET_MIX } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const BACKLOG_BYTES = 400 * 1024
const CAUGHT_UP_MS = 90_000
const STILL_MS = 1_000

it.each(['verifier', 'sequencer'] as const)(
  `the %s away: crawlers pause at RELAY_BACKLOG_BYTES, nothing is lost (invariant 12; TEST_SEED=${SEED})`,
  async (missing) => {
    await using cluster = await TestCluster.start({
      seed: SEED,
      env: { RELAY_BACKLOG_BYTES: String(BACKLOG_BYTES) },
    })
    await cluster.addAll({ sequencer: 1, verifier: 1, crawler: 1, fanout: 1 })
    const follower = new Follower(cluster.network.model, cluster.urls, new Random(SEED))
    const [gone] = cluster.of(missing)
    const [crawler] = cluster.of('crawler')
    await gone?.remove('SIGKILL')
    cluster.roles.splice(cluster.roles.indexOf(gone as never), 1)
    const quiet = new AbortController()
    const activity = runActivity(cluster.network, 300, quiet.signal, QUIET_MIX)
    await until(
      'the crawler pauses',
      async () => ((await crawler?.metric('relay_crawler_pauses_total{cause="backlog"}')) ?? 0) > 0,
      CAUGHT_UP_MS,
    )
    const paused = await untilStill(async () => (await crawler?.metric('relay_crawler_bytes_total')) ?? 0)
    const emitted = cluster.network.hosts.reduce((sum, host) => sum + host.emitted, 0)
    await until(
      'the hosts have offered more',
      () => cluster.network.hosts.reduce((sum, host) => sum + host.emitted, 0) > emitted + 300,
      CAUGHT_UP_MS,
    )
    quiet.abort()
    await activity
    const more = ((await crawler?.metric('relay_crawler_bytes_total')) ?? 0) - paused
    expect(more, 'read after the pause').toBeLessThan(BACKLOG_BYTES)
    // Both bounds may fill where the sequencer is away: raw behind verified; and what each has in flight.
    expect(paused).toBeLessThan(4 * BACKLOG_BYTES)
    await cluster.add(missing)
    await cluster.untilReady()
    await cluster.network.idle()
    await until('everything has come', () => follower.checker.caughtUp, CAUGHT_UP_MS)
    expect(follower.checker.verdict()).toMatchObject({ ok: true })
    await follower.close()
  },
)

/** What a counter says once it stands still: the first pause may end again while the next topic takes more. */
async function untilStill(read: () => Promise<number>): Promise<number> {
  let last = await read()
  await until(
    'nothing more is read',
    async () => {
      await wait(STILL_MS)
      const before = last
      last = await read()
      return last === before
    },
    CAUGHT_UP_MS,
  )
  return last
}
