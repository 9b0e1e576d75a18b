import { runActivity } from '@bgs/simnet/activity.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { QUIET_MIX } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 60_000

describe(`a fan-out node that has nothing yet (TEST_SEED=${SEED})`, () => {
  let cluster: TestCluster
  const quiet = new AbortController()
  let activity: Promise<unknown>
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED })
    await cluster.addAll({ sequencer: 1, verifier: 1, crawler: 1, fanout: 1 })
    activity = runActivity(cluster.network, 60, quiet.signal, QUIET_MIX)
  })
  afterAll(async () => {
    quiet.abort()
    await activity
    await cluster?.[Symbol.asyncDispose]()
  })

  it('serves what is new, and then the whole window, without a gap and without OutdatedCursor', async () => {
    const { model } = cluster.network
    const old = await CheckingSubscriber.connect({ url: cluster.urls()[0] as string, cursor: 0, model })
    await old.until(({ received }) => received > 500, CAUGHT_UP_MS)
    const node = await cluster.add('fanout')
    await until('the new node is ready', () => node.isReady(), CAUGHT_UP_MS)
    const url = `ws://127.0.0.1:${node.port}`
    // From where another node's subscriber stands.
    await old.close()
    const moved = await CheckingSubscriber.connect({ url, cursor: old.lastSeq, checker: old.checker })
    const { received } = moved
    await moved.until((one) => one.received > received + 100, CAUGHT_UP_MS)
    await expect
      .poll(() => node.metric('relay_fanout_mirror_missing_records'), { timeout: CAUGHT_UP_MS })
      .toBe(0)
    const whole = await CheckingSubscriber.connect({ url, cursor: 0, model })
    quiet.abort()
    await activity
    for (const one of [moved, whole]) {
      await one.untilCaughtUp(CAUGHT_UP_MS)
      expect(one.verdict()).toMatchObject({ ok: true })
      await one.close()
    }
  })
})
