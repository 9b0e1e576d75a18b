import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tempFolder } from '../harness/temp-folder.ts'

interface Span {
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly { readonly key: string }[]
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] }
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

const NAMES = ['append', 'connect host', 'judge batch', 'resolve DID', 'write view']

/** A collector that keeps what it is sent. */
const got: Export[] = []
const paths = new Set<string>()
let collector: Server
let network: SimNetwork
const folder = tempFolder()

beforeAll(async () => {
  collector = createServer((request, response) => {
    paths.add(request.url ?? '')
    void json(request).then((body) => {
      got.push(body as Export)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  network = await SimNetwork.start({ seed: 41, hosts: 1, accountsPerHost: 2 })
})
afterAll(async () => {
  collector.closeAllConnections()
  collector.close()
  await network?.close()
  folder.remove()
})

const spans = () =>
  got.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans)),
  )

it('a collector that the environment names is sent spans, by batch, and the last ones at a stop', async () => {
  const relay = await startRelayProcess({
    ...network.relayEnv(),
    RELAY_DATA_DIR: folder.path,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_SERVICE_NAME: 'our-relay',
  })
  const names = () => [...new Set(spans().map(({ name }) => name))].toSorted()
  await expect.poll(names, { timeout: 20_000 }).toEqual(NAMES)
  const head = async () => {
    const text = await (await fetch(`http://127.0.0.1:${relay.opsPort}/metrics`)).text()
    return Number(/^relay_sequencer_head_seq (\d+)$/m.exec(text)?.[1])
  }
  const [before, headBefore] = [spans().length, await head()]
  for (const did of network.residents.keys()) await network.commit(did, (account) => account.post())
  await expect.poll(head, { timeout: 10_000 }).toBe(headBefore + network.residents.size)
  expect(await relay.kill('SIGTERM')).toBe(0)
  expect(spans().length).toBeGreaterThan(before)
  expect([...paths]).toEqual(['/v1/traces'])
  const [first] = got[0]?.resourceSpans ?? []
  const service = first?.resource.attributes.find(({ key }) => key === 'service.name')
  expect(service?.value.stringValue).toBe('our-relay')
  for (const span of spans())
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano))
})

it('a collector that is away holds nothing up', async () => {
  const relay = await startRelayProcess({
    ...network.relayEnv(),
    RELAY_DATA_DIR: folder.path,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
  })
  const beganMs = performance.now()
  expect(await relay.kill('SIGTERM')).toBe(0)
  expect(performance.now() - beganMs).toBeLessThan(10_000)
})

it('without the variable nothing is sent', async () => {
  const before = got.length
  const relay = await startRelayProcess({ ...network.relayEnv(), RELAY_DATA_DIR: folder.path })
  for (const did of network.residents.keys()) await network.commit(did, (account) => account.post())
  expect(await relay.kill('SIGTERM')).toBe(0)
  expect(got).toHaveLength(before)
})
