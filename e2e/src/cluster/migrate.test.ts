import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { runActions } from '@bgs/simnet/activity.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DurabilityProcess } from '../embedded/durability-process.ts'
import { TestCluster } from './cluster.ts'

const CAUGHT_UP_MS = 60_000
const ENDED_MS = 60_000

describe('an embedded relay grows into a cluster', () => {
  let cluster: TestCluster
  let folder: string
  let checker: CheckingSubscriber
  /** Where one stood that read up to the middle only. */
  let middle = 0
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: 11 })
    folder = await mkdtemp(join(tmpdir(), 'relay-migrate-'))
  })
  afterAll(async () => {
    await checker?.close()
    await cluster?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const migrate = async (): Promise<[number | null, string]> => {
    const process = new DurabilityProcess(['migrate'], { ...cluster.env, RELAY_DATA_DIR: folder })
    const { code } = await process.endedWithin(ENDED_MS)
    return [code, process.output]
  }

  it('not while the embedded relay runs', async () => {
    const { network } = cluster
    const relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder })
    checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await runActions(network, 200)
    await checker.until(() => checker.received > 100, CAUGHT_UP_MS)
    middle = checker.lastSeq
    await runActions(network, 200)
    await network.idle()
    await checker.untilCaughtUp(CAUGHT_UP_MS)
    const [code, output] = await migrate()
    expect([code, output]).toEqual([1, expect.stringContaining('another relay is running')])
    await relay.kill('SIGTERM')
  })

  it('every account and host arrives as it was', async () => {
    const [code, output] = await migrate()
    expect(code, output).toBe(0)
    const accounts = (await cluster.postgresRows('SELECT did, rev, host FROM accounts')) as { did: string }[]
    expect(new Set(accounts.map(({ did }) => did))).toEqual(new Set(cluster.network.model.dids()))
    const hosts = (await cluster.postgresRows('SELECT hostname, cursor FROM hosts')) as {
      hostname: string
      cursor: number
    }[]
    for (const { hostname, emitted } of cluster.network.hosts)
      expect(hosts).toContainEqual({ hostname, cursor: emitted })
  })

  it('into an empty cluster only', async () => {
    const [code, output] = await migrate()
    expect([code, output]).toEqual([2, expect.stringContaining('is not empty')])
  })

  it('who had read everything goes on with the same cursor, and misses nothing', async () => {
    const { network } = cluster
    await cluster.addAll({ sequencer: 1, verifier: 1, crawler: 1, fanout: 1 })
    const [url = ''] = cluster.urls()
    const again = await CheckingSubscriber.connect({ url, checker: checker.checker, cursor: checker.lastSeq })
    await runActions(network, 200)
    await network.idle()
    await again.untilCaughtUp(CAUGHT_UP_MS)
    expect(again.verdict()).toMatchObject({ ok: true })
    expect(checker.checker.infos).toEqual([])
    expect(checker.checker.errors).toEqual([])
    await again.close()
    // Hosts were asked for what came after, not for all they have.
    for (const host of network.hosts) expect(host.cursorsSeen.at(-1)).toBeGreaterThan(0)
  })

  it('who had not is told so, and gets the whole window', async () => {
    const [url = ''] = cluster.urls()
    const late = await CheckingSubscriber.connect({ url, cursor: middle, model: cluster.network.model })
    await late.until(() => late.lastSeq >= checker.lastSeq, CAUGHT_UP_MS)
    expect(late.checker.infos).toContainEqual(expect.objectContaining({ name: 'OutdatedCursor' }))
    await late.close()
  })
})
