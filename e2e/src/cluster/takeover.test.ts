import { wait } from '@bgs/runtime/service/wait.ts'
import { runActivity } from '@bgs/simnet/activity.ts'
import { Random } from '@bgs/simnet/random.ts'
import { QUIET_MIX } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'
import type { RoleProcess } from './role-process.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 60_000
/** What the settings as they are promise: the log goes on, and hosts are read on. */
const LOG_GOES_ON_MS = 10_000
const HOSTS_GO_ON_MS = 15_000

describe(`others take over, with the lease that is the default (invariant 1; TEST_SEED=${SEED})`, () => {
  let cluster: TestCluster
  let follower: Follower
  const quiet = new AbortController()
  let activity: Promise<unknown>
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED, env: { RELAY_LEASE_MS: '' } })
    await cluster.addAll({ sequencer: 2, verifier: 1, crawler: 2, fanout: 1 })
    follower = new Follower(cluster.network.model, cluster.urls, new Random(SEED))
    activity = runActivity(cluster.network, 60, quiet.signal, QUIET_MIX)
  })
  afterAll(async () => {
    quiet.abort()
    await activity
    await follower?.close()
    await cluster?.[Symbol.asyncDispose]()
  })

  const leader = async (): Promise<RoleProcess> => {
    let found: RoleProcess | undefined
    await until(
      'a sequencer leads',
      async () => {
        for (const one of cluster.of('sequencer')) {
          if ((await one.metric('relay_sequencer_leader')) === 1) found = one
        }
        return found !== undefined
      },
      CAUGHT_UP_MS,
    )
    return found as RoleProcess
  }
  /** Waits until something new has come; how long nothing did. */
  const silence = async (ms: number): Promise<number> => {
    const started = performance.now()
    const before = follower.checker.received
    await until('the log goes on', () => follower.checker.received > before, ms)
    return performance.now() - started
  }

  it('the leader is killed: another leads within 10 s', async () => {
    await until('events come', () => follower.checker.received > 100, CAUGHT_UP_MS)
    ;(await leader()).kill()
    await wait(300)
    await silence(LOG_GOES_ON_MS)
  })

  it('the leader is stopped: another leads within 10 s, and the woken one stands by', async () => {
    const stopped = await leader()
    const [other] = cluster.of('sequencer').filter((one) => one !== stopped) as [RoleProcess]
    const leads = (one: RoleProcess) => one.metric('relay_sequencer_leader')
    await stopped.pausedWhile(async () => {
      await until('the other leads', async () => (await leads(other)) === 1, LOG_GOES_ON_MS)
      await silence(LOG_GOES_ON_MS)
    })
    await until('it stands by', async () => (await leads(stopped)) === 0, CAUGHT_UP_MS)
  })

  it('a crawler is gone: its hosts are read on by the other within 15 s', async () => {
    const [gone, other] = cluster.of('crawler')
    const all = cluster.network.hosts.length
    await until(
      'they share the hosts',
      async () => (await other?.metric('relay_crawler_connected_hosts')) === all / 2,
      CAUGHT_UP_MS,
    )
    cluster.roles.splice(cluster.roles.indexOf(gone as RoleProcess), 1)
    await gone?.remove('SIGKILL')
    await until(
      'the other has them all',
      async () => (await other?.metric('relay_crawler_connected_hosts')) === all,
      HOSTS_GO_ON_MS,
    )
  })

  it('nothing was lost, doubled or reordered', async () => {
    quiet.abort()
    await activity
    await cluster.network.idle()
    await until('everything has come', () => follower.checker.caughtUp, CAUGHT_UP_MS)
    expect(follower.checker.verdict()).toMatchObject({ ok: true })
  })

  it('a fan-out node keeps its mirror over a restart', async () => {
    const [node] = cluster.of('fanout')
    node?.terminate()
    await wait(1_000)
    await cluster.untilReady()
    expect(node?.output).not.toContain('fetched anew')
    const again = new Follower(cluster.network.model, cluster.urls, new Random(SEED))
    await until('it serves all of it', () => again.checker.caughtUp, CAUGHT_UP_MS)
    expect(again.checker.differingSeqs(follower.checker)).toEqual([])
    await again.close()
  })
})
