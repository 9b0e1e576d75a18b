import type { Cut } from '@bgs/testkit/tcp-link.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CAUGHT_UP_MS, CutScene, type Leasing, OTHERS_TAKE_OVER_MS } from './cut-scene.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
/** Look-ups have to fail for a while first, and so do many hosts. */
const DIRECTORY_TAKE_OVER_MS = 40_000
const HOSTS_TAKE_OVER_MS = 90_000
/** After what a restart could help is told; and something to spare. */
const LIVEZ_MS = 80_000

describe(`cut off from Redis, the directory or all hosts, and all of them from Kafka (TEST_SEED=${SEED})`, () => {
  let scene: CutScene
  beforeAll(async () => {
    scene = await CutScene.start(SEED)
  })
  afterAll(() => scene?.[Symbol.asyncDispose]())

  it.each<[Leasing, Cut]>([
    ['sequencer', 'refused'],
    ['verifier', 'silent'],
    ['crawler', 'silent'],
  ])('%s from Redis, %s: nothing changes hands, and events come', async (role, how) => {
    await scene.allShared()
    const [victim] = await scene.pair(role)
    const before = await scene.owners()
    victim.ways?.cut('redis', how)
    try {
      await until(
        'it notices',
        async () => (await victim.readyz()).includes('Redis does not answer'),
        CAUGHT_UP_MS,
      )
      await scene.eventsCome(150, OTHERS_TAKE_OVER_MS)
      expect(await scene.owners()).toEqual(before)
    } finally {
      victim.ways?.heal('redis')
    }
    await until('it is ready', () => victim.isReady(), CAUGHT_UP_MS)
  })

  it('a verifier from the directory: the other looks accounts up, and both do once it is healed', async () => {
    const { network } = scene.cluster
    const [victim, other] = await scene.pair('verifier')
    victim.ways?.cut('directory', 'refused')
    // Accounts that nobody has looked up yet.
    for (let i = 0; i < 40; i++) await network.createAccount(network.random.pick(network.hosts))
    await scene.othersTakeOver(other, 'verifier', DIRECTORY_TAKE_OVER_MS)
    victim.ways?.heal('directory')
    await scene.pair('verifier')
  })

  it('all of them from Kafka: nothing changes hands, and no restart is asked for', async () => {
    const { cluster } = scene
    await scene.allShared()
    const before = await scene.owners()
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
    await scene.eventsCome(50, CAUGHT_UP_MS)
    expect(await scene.owners()).toEqual(before)
    for (const one of leasing) expect(await one.livez()).toBe('ok')
  })

  it('a crawler from all hosts, a sequencer from Kafka: others do their work, and /livez says that a restart could help', {
    timeout: 400_000,
  }, async () => {
    const { cluster } = scene
    const [crawler, otherCrawler] = await scene.pair('crawler')
    const [sequencer, otherSequencer] = await scene.pair('sequencer')
    const both = [crawler, sequencer]
    for (const one of both) expect(await one.livez()).toBe('ok')
    sequencer.ways?.cut('kafka', 'refused')
    const ports = cluster.network.hosts.map(({ endpoint }) => Number(new URL(endpoint).port))
    await crawler.ways?.closePorts(ports)
    await scene.othersTakeOver(otherSequencer, 'sequencer', OTHERS_TAKE_OVER_MS)
    await scene.othersTakeOver(otherCrawler, 'crawler', HOSTS_TAKE_OVER_MS)
    expect(await crawler.readyz()).toContain('no host can be reached')
    await until('it says so', async () => (await sequencer.livez()).includes('stands still'), LIVEZ_MS)
    for (const one of [otherCrawler, otherSequencer]) expect(await one.livez()).toBe('ok')
    sequencer.ways?.heal('kafka')
    await crawler.ways?.closePorts([])
    for (const one of both)
      await until('it is well again', async () => (await one.livez()) === 'ok', CAUGHT_UP_MS)
  })

  it('nothing was lost, doubled or reordered, and no process has ended over it', () => scene.expectExact())
})
