import { startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { describe, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

describe('the PLC directory is away (G6, invariant 13)', () => {
  it.each(['hang', 'error'] as const)(
    '%s: events of unknown DIDs wait, those of known ones pass, nothing is lost',
    async (kind) => {
      const folder = tempFolder()
      const network = await SimNetwork.start({ seed: 9, hosts: 2, accountsPerHost: 2 })
      const relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
      const checker = await CheckingSubscriber.connect({ url: relay.url, cursor: 0, model: network.model })
      try {
        await checker.untilCaughtUp(20_000)
        network.plc.setGlobalFault({ kind })
        const [host] = network.hosts
        const [known] = network.residents.keys()
        const created = await Promise.all(
          Array.from({ length: 12 }, () => network.createAccount(host as never)),
        )
        await network.commit(known as string, (account) => account.post())
        await checker.until(
          () => checker.checker.matchedCount >= checker.checker.received && checker.received >= 17,
          5_000,
        )
        // Longer than a look-up takes to fail, so that the directory is known to be away.
        await checker.until(() => network.plc.totalRequests > 20, 30_000)
        network.plc.setGlobalFault(null)
        await checker.untilCaughtUp(30_000)
        expect(checker.verdict()).toMatchObject({ ok: true })
        expect(network.model.eventsOf(created[0]?.did ?? '').length).toBe(4)
      } finally {
        await checker.close()
        await relay.kill('SIGKILL')
        await network.close()
        folder.remove()
      }
    },
  )
})
