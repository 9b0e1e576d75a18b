import { runActivity } from '@bgs/simnet/activity.ts'
import { Random } from '@bgs/simnet/random.ts'
import { QUIET_MIX } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { expect } from 'vitest'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'
import type { RoleName, RoleProcess } from './role-process.ts'

export const CAUGHT_UP_MS = 90_000
/** What the settings as they are promise of a process that is gone or stands still. */
export const OTHERS_TAKE_OVER_MS = 15_000
const PARTITIONS = 8
const HOSTS = 6

export type Leasing = Exclude<RoleName, 'fanout'>
/** What shows how much of what is leased a process of the role has, and how much there is. */
const HAS: Readonly<Record<Leasing, readonly [metric: string, all: number]>> = {
  sequencer: ['relay_sequencer_leader', 1],
  verifier: ['relay_verifier_partitions', PARTITIONS],
  crawler: ['relay_crawler_connected_hosts', HOSTS],
}

/** Two of each role that leases, each with ways of its own to all servers, and the lease that is the default. */
export class CutScene implements AsyncDisposable {
  readonly cluster: TestCluster
  readonly follower: Follower
  readonly #quiet = new AbortController()
  readonly #activity: Promise<unknown>

  private constructor(cluster: TestCluster, seed: number) {
    this.cluster = cluster
    this.follower = new Follower(cluster.network.model, cluster.urls, new Random(seed))
    this.#activity = runActivity(cluster.network, 30, this.#quiet.signal, QUIET_MIX)
  }

  static async start(seed: number): Promise<CutScene> {
    const cluster = await TestCluster.start({ seed, brokers: 3, ways: 6, env: { RELAY_LEASE_MS: '' } })
    const scene = new CutScene(cluster, seed)
    try {
      await cluster.addAll({ sequencer: 2, verifier: 2, crawler: 2, fanout: 1 })
      await scene.eventsCome(100, CAUGHT_UP_MS)
      return scene
    } catch (error) {
      await scene[Symbol.asyncDispose]()
      throw error
    }
  }

  async eventsCome(more: number, ms: number): Promise<void> {
    const { checker } = this.follower
    const before = checker.received
    await until('events come', () => checker.received > before + more, ms)
  }

  /** Waits until the work is shared as it should be; the one that is to be cut off, and the other. */
  async pair(role: Leasing): Promise<[victim: RoleProcess, other: RoleProcess]> {
    const [first, second] = this.cluster.of(role) as [RoleProcess, RoleProcess]
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

  async allShared(): Promise<void> {
    for (const role of ['sequencer', 'verifier', 'crawler'] as const) await this.pair(role)
    await until(
      'each host is somebody’s',
      async () => {
        const rows = await this.cluster.postgresRows('SELECT hostname FROM hosts WHERE owner IS NULL')
        return rows.length === 0
      },
      CAUGHT_UP_MS,
    )
  }

  async othersTakeOver(other: RoleProcess, role: Leasing, ms: number): Promise<void> {
    await until(
      `${other.name} has all of it`,
      async () => (await has(other, role)) === HAS[role][1],
      ms,
      () => other.output.slice(-2_000),
    )
    await this.eventsCome(50, ms)
  }

  /** Who has what, and under which fence. */
  async owners(): Promise<unknown[]> {
    return [
      await this.cluster.postgresRows(
        'SELECT topic, number, owner, fence FROM partitions ORDER BY topic, number',
      ),
      await this.cluster.postgresRows('SELECT hostname, owner, fence FROM hosts ORDER BY hostname'),
    ]
  }

  /** Nothing was lost, doubled or reordered, and no process has ended over it. */
  async expectExact(): Promise<void> {
    const { checker } = this.follower
    await this.#becomeQuiet()
    await this.cluster.network.idle()
    await until('everything has come', () => checker.caughtUp, CAUGHT_UP_MS)
    expect(checker.verdict()).toMatchObject({ ok: true })
    expect(this.cluster.roles.flatMap(({ failures }) => failures)).toEqual([])
  }

  async #becomeQuiet(): Promise<void> {
    this.#quiet.abort()
    await this.#activity
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#becomeQuiet()
    await this.follower.close()
    await this.cluster[Symbol.asyncDispose]()
  }
}

async function has(one: RoleProcess, role: Leasing): Promise<number> {
  return (await one.metric(HAS[role][0])) ?? 0
}
