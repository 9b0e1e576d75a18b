import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { runActions } from '@bgs/simnet/activity.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import type { SimPds } from '@bgs/simnet/pds.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 20_000

describe(`invariant 11: hosts that send something once more, or begin anew (TEST_SEED=${SEED})`, () => {
  const folder = tempFolder()
  let network: SimNetwork
  let host: SimPds
  let relay: RelayProcess
  let checker: CheckingSubscriber

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: SEED, hosts: 1, accountsPerHost: 20 })
    host = network.hosts[0] as SimPds
    relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
    checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await checker.untilCaughtUp(CAUGHT_UP_MS)
  })

  afterAll(async () => {
    await checker?.close()
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  const newSequences = () =>
    relay
      .output()
      .split('\n')
      .filter((line) => line.includes('started its sequence anew')).length

  async function reconnected(): Promise<void> {
    const seen = host.cursorsSeen.length
    host.sever()
    await checker.until(() => host.cursorsSeen.length > seen, CAUGHT_UP_MS)
  }

  it('a replay that begins before the cursor doubles nothing, and is no new sequence', async () => {
    host.replaysBefore = 50
    for (let round = 0; round < 3; round++) {
      await reconnected()
      await runActions(network, 30)
      await network.idle()
      await checker.untilCaughtUp(CAUGHT_UP_MS)
    }
    expect(checker.verdict()).toMatchObject({ ok: true })
    expect(newSequences()).toBe(0)
    expect(host.cursorsSeen.slice(1).every((cursor) => (cursor ?? 0) > 0)).toBe(true)
  })

  it('nor does it after the relay was killed', async () => {
    const { port, opsPort } = relay
    await relay.kill('SIGKILL')
    relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path }, { port, opsPort })
    const late = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
    await runActions(network, 30)
    await network.idle()
    await late.untilCaughtUp(CAUGHT_UP_MS)
    expect(late.verdict()).toMatchObject({ ok: true })
    expect(newSequences()).toBe(0)
    await checker.close()
    checker = late
  })

  it('a host that lost its disk and does not say so is read anew: nothing that it says then is missing', async () => {
    host.silentOnFutureCursor = true
    const seen = host.cursorsSeen.length
    host.restartSequence()
    await checker.until(() => host.cursorsSeen.length > seen, CAUGHT_UP_MS)
    await runActions(network, 30)
    await network.idle()
    await checker.untilCaughtUp(CAUGHT_UP_MS)
    expect(checker.verdict()).toMatchObject({ ok: true })
    expect(newSequences()).toBe(1)
  })
})
