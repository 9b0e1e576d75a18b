import { startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { COMMITS_ONLY, runActivity } from '@bgs/simnet/activity.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

/** Resident memory that a relay of this size may reach. */
const MAX_RSS = 500 * 2 ** 20

it('ten subscribers, two of which never read: the other eight get everything, and memory stays bounded (invariants 12, 15)', async () => {
  const folder = tempFolder()
  const network = await SimNetwork.start({ seed: 5, hosts: 4, accountsPerHost: 3 })
  const relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
  const connected: CheckingSubscriber[] = []
  const connect = async (model?: SimNetwork['model']) => {
    const one = await CheckingSubscriber.connect({
      url: relay.url,
      cursor: 0,
      ...(model === undefined ? {} : { model }),
    })
    connected.push(one)
    return one
  }
  const stop = new AbortController()
  try {
    const subscribers = await Promise.all(Array.from({ length: 8 }, () => connect(network.model)))
    const deaf = await Promise.all([connect(), connect()])
    for (const subscriber of deaf) subscriber.stopReading()
    const activity = runActivity(network, 200, stop.signal, COMMITS_ONLY)
    await subscribers[0]?.until(({ received }) => received > 2_000, 60_000)
    stop.abort()
    await activity
    await network.idle()
    for (const subscriber of subscribers) {
      await subscriber.untilCaughtUp(20_000)
      expect(subscriber.verdict()).toMatchObject({ ok: true })
    }
    expect(relay.peakRss()).toBeLessThan(MAX_RSS)
  } finally {
    stop.abort()
    for (const subscriber of connected) await subscriber.close()
    await relay.kill('SIGKILL')
    await network.close()
    folder.remove()
  }
})
