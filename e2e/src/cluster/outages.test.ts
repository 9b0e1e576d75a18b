import { wait } from '@bgs/runtime/service/wait.ts'
import { runActivity } from '@bgs/simnet/activity.ts'
import { Random } from '@bgs/simnet/random.ts'
import { QUIET_MIX } from '@bgs/simnet/upheaval.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'
import { Follower } from './follower.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 60_000
/** Longer than every lease and every timeout of a client but Kafka's. */
const OUTAGE_MS = Number(process.env['OUTAGE_MS'] ?? 6_000)
const RATE = 100

describe(`the servers of a cluster go away and come back (TEST_SEED=${SEED})`, () => {
  let cluster: TestCluster
  let follower: Follower
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED })
    await cluster.addAll({ sequencer: 1, verifier: 1, crawler: 1, fanout: 1 })
    follower = new Follower(cluster.network.model, cluster.urls, new Random(SEED))
  })
  afterAll(async () => {
    await follower?.close()
    await cluster?.[Symbol.asyncDispose]()
  })

  const settled = async () => {
    await cluster.network.idle()
    await until('everything has come', () => follower.checker.caughtUp, CAUGHT_UP_MS)
    expect(follower.checker.verdict()).toMatchObject({ ok: true })
    expect(follower.checker.errors).toEqual([])
  }
  const under = async <T>(act: () => Promise<T>): Promise<T> => {
    const quiet = new AbortController()
    const activity = runActivity(cluster.network, RATE, quiet.signal, QUIET_MIX)
    try {
      return await act()
    } finally {
      quiet.abort()
      await activity
    }
  }
  const role = (name: 'crawler' | 'verifier' | 'sequencer' | 'fanout') => {
    const [first] = cluster.of(name)
    if (first === undefined) throw new Error(`no ${name}`)
    return first
  }

  it.each([
    ['PostgreSQL', ['crawler', 'verifier', 'sequencer', 'fanout']],
    ['Kafka', ['crawler', 'verifier', 'sequencer', 'fanout']],
    ['Redis', ['crawler', 'verifier', 'sequencer']],
  ] as const)('%s: /readyz and the log say so, and nothing is lost', async (name, roles) => {
    const servers = { PostgreSQL: cluster.postgres, Kafka: cluster.kafka.nodes[0], Redis: cluster.redis }
    const server = servers[name]
    await under(async () => {
      await wait(500)
      await server?.kill()
      for (const one of roles)
        await until(
          `${one} says that ${name} is away`,
          async () => (await role(one).readyz()).includes(`${name} does not answer`),
          20_000,
        )
      await wait(OUTAGE_MS)
      await server?.start()
    })
    await cluster.untilReady()
    // What a process writes may be read a moment after its answer on another socket.
    for (const one of roles)
      for (const word of ['does not answer', 'answers again'])
        await expect.poll(() => role(one).output).toContain(`${name} ${word}`)
    await settled()
  })

  it('Redis away: the log goes on all the same', async () => {
    await cluster.redis.kill()
    const before = follower.checker.received
    await under(() => until('events come', () => follower.checker.received > before + 100, CAUGHT_UP_MS))
    await cluster.redis.start()
    await cluster.untilReady()
    await settled()
  })

  it('no process has ended over it', () => {
    expect(cluster.roles.flatMap(({ failures }) => failures)).toEqual([])
  })

  it('a stop while PostgreSQL and Kafka are away ends as asked, in time', { timeout: 60_000 }, async () => {
    await cluster.postgres.kill()
    await cluster.kafka.nodes[0]?.kill()
    await wait(1_000)
    const started = performance.now()
    await Promise.all(cluster.roles.map((one) => one.remove('SIGTERM')))
    expect(performance.now() - started).toBeLessThan(30_000)
    expect(cluster.roles.flatMap(({ failures }) => failures)).toEqual([])
  })
})
