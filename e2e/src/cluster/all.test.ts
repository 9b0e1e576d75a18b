import { wait } from '@bgs/runtime/service/wait.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { encodeFrame } from '@bgs/simnet/wire.ts'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { until } from '@bgs/testkit/until.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DurabilityProcess } from '../embedded/durability-process.ts'
import { tempFolder } from '../harness/temp-folder.ts'
import { TestCluster } from './cluster.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const CAUGHT_UP_MS = 30_000

describe(`all roles of a cluster in one process (TEST_SEED=${SEED})`, () => {
  const folder = tempFolder()
  let cluster: TestCluster
  let relay: DurabilityProcess
  let subscriber: CheckingSubscriber
  beforeAll(async () => {
    cluster = await TestCluster.start({ seed: SEED })
    const [port, opsPort] = [await freePort(), await freePort()]
    relay = new DurabilityProcess(['all'], {
      ...cluster.env,
      RELAY_DATA_DIR: folder.path,
      RELAY_HOST: '127.0.0.1',
      RELAY_PORT: String(port),
      RELAY_OPS_PORT: String(opsPort),
      RELAY_LOG_LEVEL: 'info',
    })
    await until(
      'it is ready',
      async () => {
        const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`).catch(() => undefined)
        return response?.status === 200
      },
      CAUGHT_UP_MS,
    )
    const url = `ws://127.0.0.1:${port}`
    subscriber = await CheckingSubscriber.connect({ url, cursor: 0, model: cluster.network.model })
    await subscriber.untilCaughtUp(CAUGHT_UP_MS)
  })
  afterAll(async () => {
    relay?.signal('SIGKILL')
    await subscriber?.close()
    await cluster?.[Symbol.asyncDispose]()
    folder.remove()
  })

  it('W4: a frame that only the verifier finds broken closes the connection; what follows comes through', async () => {
    const [pds] = cluster.network.hosts
    const [did] = [...(pds?.accounts.keys() ?? [])] as [string]
    const before = pds?.cursorsSeen.length ?? 0
    // Behind all that a first look reads: a number that is not in its shortest form, in a field that no relay knows.
    const frame = Buffer.from(
      encodeFrame('#identity', {
        did,
        seq: (pds?.log.newestSeq ?? 0) + 1,
        time: '2026-01-01T00:00:00Z',
        zzzzzz: 24,
      }),
    )
    const at = frame.lastIndexOf(Buffer.from([0x18, 24]))
    frame[at + 1] = 1
    pds?.emitRaw(frame, { did })
    await until('the connection is made anew', () => (pds?.cursorsSeen.length ?? 0) > before, CAUGHT_UP_MS)
    await cluster.network.commit(did, (account) => account.post())
    await subscriber.untilCaughtUp(CAUGHT_UP_MS)
    expect(subscriber.verdict()).toMatchObject({ ok: true })
  })

  it('a stop while Kafka does not answer sends subscribers away at once, to come back (W11)', async () => {
    const [broker] = cluster.kafka.nodes
    broker?.pause()
    await wait(500)
    relay.signal('SIGTERM')
    await until('the subscriber is sent away', () => subscriber.closed !== null, 5_000)
    expect(subscriber.closed).toMatchObject({ code: 1012 })
    expect((await relay.endedWithin(30_000)).code).toBe(0)
    broker?.resume()
  })
})
