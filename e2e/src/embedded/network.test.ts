import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { runActions } from '@bgs/simnet/activity.ts'
import { FAULTS } from '@bgs/simnet/hostile.ts'
import { HostileServer } from '@bgs/simnet/hostile-servers.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 20_000

describe(`a network of hosts, one relay, one checker (TEST_SEED=${SEED})`, () => {
  const folder = tempFolder()
  let network: SimNetwork
  let relay: RelayProcess
  let checker: CheckingSubscriber

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: SEED, hosts: 4, accountsPerHost: 8 })
    relay = await startRelayProcess({
      ...network.relayEnv(),
      RELAY_DATA_DIR: folder.path,
      RELAY_FANOUT_THREADS: '2',
    })
    checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
  })

  afterAll(async () => {
    await checker?.close()
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  it('passes on every event of accounts that post, rename, rotate, move, pause and leave, once and in order', async () => {
    await checker.untilCaughtUp(CAUGHT_UP_MS)
    await runActions(network, 600)
    await network.idle()
    await checker.untilCaughtUp(CAUGHT_UP_MS)
    expect(checker.verdict()).toMatchObject({ ok: true })
    expect(checker.received).toBeGreaterThan(600)
  })

  it('serves the same to one that begins at cursor 0, under the same seqs', async () => {
    const late = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await late.until(() => late.lastSeq >= checker.lastSeq, CAUGHT_UP_MS)
    expect(late.checker.differingSeqs(checker.checker)).toEqual([])
    expect(late.verdict()).toMatchObject({ ok: true })
    await late.close()
  })

  it('takes up a host that calls requestCrawl, from the beginning of what it has (Q10)', async () => {
    const pds = await network.addHost()
    const account = await network.createAccount(pds)
    const response = await requestCrawl(relay, pds.hostname)
    expect(response.status).toBe(200)
    await checker.untilCaughtUp(CAUGHT_UP_MS)
    expect(network.model.eventsOf(account.did).length).toBe(4)
  })

  it('notices a host that begins its sequence anew, and resumes when it calls (Q12, A2)', async () => {
    const pds = await network.addHost()
    const first = await network.createAccount(pds)
    // The old sequence must reach further than the new one will: a new one that has overtaken it looks like the old.
    for (let i = 0; i < 20; i++) await network.commit(first.did, (account) => account.post())
    await requestCrawl(relay, pds.hostname)
    await checker.untilCaughtUp(CAUGHT_UP_MS)
    pds.restartSequence()
    await network.commit(first.did, (account) => account.post())
    await network.createAccount(pds)
    await expect
      .poll(
        async () => {
          await requestCrawl(relay, pds.hostname)
          return checker.checker.caughtUp
        },
        { timeout: CAUGHT_UP_MS },
      )
      .toBe(true)
    expect(checker.verdict()).toMatchObject({ ok: true })
  })

  it('refuses each kind of bad frame, and goes on with that host and all others', async () => {
    const hostile = await network.addHostileHost()
    await requestCrawl(relay, hostile.hostname)
    for (const fault of FAULTS) {
      await hostile.send(fault)
      const stuck = (error: unknown) => {
        throw new Error(`after ${fault.name} (${fault.rule})`, { cause: error })
      }
      await checker.untilCaughtUp(CAUGHT_UP_MS).catch(stuck)
      expect(checker.verdict(), `${fault.name} (${fault.rule})`).toMatchObject({ ok: true })
    }
  })

  it('counts refusals by reason, and has no label that a stranger chose', async () => {
    const metrics = async () => (await fetch(`http://127.0.0.1:${relay.opsPort}/metrics`)).text()
    // A signature is refused only once the directory has had time to show another key.
    for (const reason of ['signature-invalid', 'inversion-mismatch', 'host-not-authoritative', 'rev-future'])
      await expect
        .poll(metrics, { timeout: CAUGHT_UP_MS })
        .toMatch(new RegExp(`relay_verifier_refused_frames_total\\{reason="${reason}"\\} [1-9]`))
    expect(await metrics()).not.toMatch(/did:plc|localhost/)
  })

  it('is not held up by hosts that never answer, answer slowly or send round in circles', async () => {
    const servers = await Promise.all([
      HostileServer.silentTcp(),
      HostileServer.silentWebSocket(),
      HostileServer.redirectLoop(),
      HostileServer.refusing(503),
    ])
    for (const { hostname } of servers) await requestCrawl(relay, hostname)
    const awake = [...network.residents].find(([, { state }]) => state === 'active')?.[0] as string
    await network.commit(awake, (account) => account.post())
    await checker.untilCaughtUp(2_000)
    await Promise.all(servers.map((server) => server.close()))
  })

  it('ends with 0 when asked to', async () => {
    expect(await relay.kill('SIGTERM')).toBe(0)
  })
})

function requestCrawl(relay: RelayProcess, hostname: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${relay.port}/xrpc/com.atproto.sync.requestCrawl`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hostname }),
  })
}
