import { runActivity } from '@bgs/simnet/activity.ts'
import { Random } from '@bgs/simnet/random.ts'
import type { Cut } from '@bgs/testkit/tcp-link.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUIET_MIX } from '../harness/upheaval.ts'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'
import type { ServerName } from './process-ways.ts'
import type { RoleName, RoleProcess } from './role-process.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 90_000
/** What the settings as they are promise of a process that is gone or stands still. */
const OTHERS_TAKE_OVER_MS = 15_000
/** Look-ups have to fail for a while first, and so do many hosts. */
const DIRECTORY_TAKE_OVER_MS = 40_000
const HOSTS_TAKE_OVER_MS = 90_000
/** After what a restart could help is told; and something to spare. */
const LIVEZ_MS = 80_000
const PARTITIONS = 8
const HOSTS = 6

type Leasing = Exclude<RoleName, 'fanout'>
/** What shows how much of what is leased a process of the role has, and how much there is. */
const HAS: Readonly<Record<Leasing, readonly [metric: string, all: number]>> = {
  sequencer: ['relay_sequencer_leader', 1],
  verifier: ['relay_verifier_partitions', PARTITIONS],
  crawler: ['relay_crawler_connected_hosts', HOSTS],
}

describe(`one process is cut off from one server, with the lease that is the default (TEST_SEED=${SEED})`, () => {
  let cluster: TestCluster
  let follower: Follower
  const quiet = new AbortController()
  let activity: Promise<unknown>
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED, brokers: 3, ways: 6, env: { RELAY_LEASE_MS: '' } })
    await cluster.addAll({ sequencer: 2, verifier: 2, crawler: 2, fanout: 1 })
    follower = new Follower(cluster.network.model, cluster.urls, new Random(SEED))
    activity = runActivity(cluster.network, 30, quiet.signal, QUIET_MIX)
    await until('events come', () => follower.checker.received > 100, CAUGHT_UP_MS)
  })
  afterAll(async () => {
    quiet.abort()
    await activity
    await follower?.close()
    await cluster?.[Symbol.asyncDispose]()
  })

  const has = async (one: RoleProcess, role: Leasing) => (await one.metric(HAS[role][0])) ?? 0
  /** Waits until the work is shared as it should be; the one that is to be cut off, and the other. */
  const pair = async (role: Leasing): Promise<[victim: RoleProcess, other: RoleProcess]> => {
    const [first, second] = cluster.of(role) as [RoleProcess, RoleProcess]
    const all = HAS[role][1]
    let shares: number[] = []
    await until(
      `both ${role}s have their share`,
      async () => {
        shares = [await has(first, role), await has(second, role)]
        return shares.toSorted((a, b) => a - b).join() === [Math.floor(all / 2), Math.ceil(all / 2)].join()
      },
      CAUGHT_UP_MS,
      () => `they have ${shares}`,
    )
    return (shares[0] as number) > 0 ? [first, second] : [second, first]
  }
  const allShared = async () => {
    for (const role of ['sequencer', 'verifier', 'crawler'] as const) await pair(role)
    await until(
      'each host is somebody’s',
      async () => {
        const rows = await cluster.postgresRows('SELECT hostname FROM hosts WHERE owner IS NULL')
        return rows.length === 0
      },
      CAUGHT_UP_MS,
    )
  }
  const othersTakeOver = async (other: RoleProcess, role: Leasing, ms: number) => {
    await until(
      `${other.name} has all of it`,
      async () => (await has(other, role)) === HAS[role][1],
      ms,
      () => other.output.slice(-2_000),
    )
    const before = follower.checker.received
    await until('events come', () => follower.checker.received > before + 50, ms)
  }
  const owners = async () => [
    await cluster.postgresRows('SELECT topic, number, owner, fence FROM partitions ORDER BY topic, number'),
    await cluster.postgresRows('SELECT hostname, owner, fence FROM hosts ORDER BY hostname'),
  ]

  const cases: [Leasing, ServerName, Cut][] = (['sequencer', 'verifier', 'crawler'] as const).flatMap(
    (role): [Leasing, ServerName, Cut][] => [
      [role, 'kafka', 'refused'],
      [role, 'kafka', 'silent'],
      [role, 'a broker', 'unanswered'],
      [role, 'postgres', 'refused'],
      [role, 'postgres', 'unheard'],
    ],
  )
  it.each(cases)(
    '%s from %s, %s: the other does its work, and both do once it is healed',
    async (role, server, how) => {
      const [victim, other] = await pair(role)
      victim.ways?.cut(server, how)
      try {
        await othersTakeOver(other, role, OTHERS_TAKE_OVER_MS)
        if (server !== 'postgres') {
          expect(await victim.readyz()).toContain(`this ${role} stands still`)
          expect(
            await victim.metric(`relay_lease_standing_still_seconds{role="${role}",cause="kafka"}`),
          ).toBeGreaterThan(0)
        }
      } finally {
        victim.ways?.heal(server)
      }
      await until(
        `${victim.name} is ready`,
        () => victim.isReady(),
        CAUGHT_UP_MS,
        () => victim.output.slice(-2_000),
      )
    },
  )

  it.each<[Leasing, Cut]>([
    ['sequencer', 'refused'],
    ['verifier', 'silent'],
    ['crawler', 'silent'],
  ])('%s from Redis, %s: nothing changes hands, and events come', async (role, how) => {
    await allShared()
    const [victim] = await pair(role)
    const before = await owners()
    victim.ways?.cut('redis', how)
    try {
      await until(
        'it notices',
        async () => (await victim.readyz()).includes('Redis does not answer'),
        CAUGHT_UP_MS,
      )
      const received = follower.checker.received
      await until('events come', () => follower.checker.received > received + 150, OTHERS_TAKE_OVER_MS)
      expect(await owners()).toEqual(before)
    } finally {
      victim.ways?.heal('redis')
    }
    await until('it is ready', () => victim.isReady(), CAUGHT_UP_MS)
  })

  it('a verifier from the directory: the other looks accounts up, and both do once it is healed', async () => {
    const { network } = cluster
    const [victim, other] = await pair('verifier')
    victim.ways?.cut('directory', 'refused')
    // Accounts that nobody has looked up yet.
    for (let i = 0; i < 40; i++) await network.createAccount(network.random.pick(network.hosts))
    await othersTakeOver(other, 'verifier', DIRECTORY_TAKE_OVER_MS)
    victim.ways?.heal('directory')
    await pair('verifier')
  })

  it('all of them from Kafka: nothing changes hands, and no restart is asked for', async () => {
    await allShared()
    const before = await owners()
    const leasing = cluster.roles.filter(({ ways }) => ways !== undefined)
    for (const { ways } of leasing) ways?.cut('kafka', 'silent')
    for (const one of leasing)
      await until(
        `${one.name} stands still for a while`,
        async () => {
          const seconds = await one.metric(
            `relay_lease_standing_still_seconds{role="${one.role}",cause="kafka"}`,
          )
          return (seconds ?? 0) > 15
        },
        CAUGHT_UP_MS,
      )
    for (const one of leasing) expect(await one.readyz()).toContain('no other gets through')
    for (const { ways } of leasing) ways?.heal('kafka')
    await cluster.untilReady()
    const received = follower.checker.received
    await until('events come', () => follower.checker.received > received + 50, CAUGHT_UP_MS)
    expect(await owners()).toEqual(before)
    for (const one of leasing) expect(await one.livez()).toBe('ok')
  })

  it('a crawler from all hosts, a sequencer from Kafka: others do their work, and /livez says that a restart could help', {
    timeout: 400_000,
  }, async () => {
    const [crawler, otherCrawler] = await pair('crawler')
    const [sequencer, otherSequencer] = await pair('sequencer')
    const both = [crawler, sequencer]
    for (const one of both) expect(await one.livez()).toBe('ok')
    sequencer.ways?.cut('kafka', 'refused')
    const ports = cluster.network.hosts.map(({ endpoint }) => Number(new URL(endpoint).port))
    await crawler.ways?.closePorts(ports)
    await othersTakeOver(otherSequencer, 'sequencer', OTHERS_TAKE_OVER_MS)
    await othersTakeOver(otherCrawler, 'crawler', HOSTS_TAKE_OVER_MS)
    expect(await crawler.readyz()).toContain('no host can be reached')
    await until('it says so', async () => (await sequencer.livez()).includes('stands still'), LIVEZ_MS)
    for (const one of [otherCrawler, otherSequencer]) expect(await one.livez()).toBe('ok')
    sequencer.ways?.heal('kafka')
    await crawler.ways?.closePorts([])
    for (const one of both)
      await until('it is well again', async () => (await one.livez()) === 'ok', CAUGHT_UP_MS)
  })

  it('nothing was lost, doubled or reordered, and no process has ended over it', async () => {
    quiet.abort()
    await activity
    await cluster.network.idle()
    await until('everything has come', () => follower.checker.caughtUp, CAUGHT_UP_MS)
    expect(follower.checker.verdict()).toMatchObject({ ok: true })
    expect(cluster.roles.flatMap(({ failures }) => failures)).toEqual([])
  })
})
