import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifySignature } from '@atproto/crypto'
import { readCarWithRoot } from '@atproto/repo'
import * as dagCbor from '@ipld/dag-cbor'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { prepareCorpus } from './corpus.ts'
import { StreamModel } from './model.ts'
import { SimPds } from './pds.ts'
import { CheckingSubscriber } from './subscriber.ts'
import { decodeFrame, webSocketPayload } from './wire.ts'

let cacheDir = ''
beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'bgs-corpus-'))
})
afterAll(() => rmSync(cacheDir, { recursive: true }))

const OPTIONS = { seed: 5, hosts: 2, accountsPerHost: 3, commits: 101 }

it('builds once, keeps it, and gives each host its share of signed chained commits of the promised size', async () => {
  const corpus = prepareCorpus({ ...OPTIONS, cacheDir })
  const [name] = readdirSync(cacheDir)
  const bytes = readFileSync(join(cacheDir, name ?? ''))
  prepareCorpus({ ...OPTIONS, cacheDir })
  expect(readdirSync(cacheDir)).toHaveLength(1)
  expect(readFileSync(join(cacheDir, name ?? ''))).toEqual(bytes)
  expect([corpus.host(0).count, corpus.host(1).count, corpus.commitCount]).toEqual([51, 50, 101])
  expect(corpus.host(0).bytes / 51).toBeGreaterThan(2500)
  expect(corpus.host(0).bytes / 51).toBeLessThan(5000)
  const documents = new Map(
    [...corpus.didRecords(['http://a', 'http://b'])].map((record) => [record.did, record]),
  )
  const last = new Map<string, { rev: string; data: string }>()
  for (const { frame, did, seq } of corpus.host(1).entries()) {
    const { body } = decodeFrame(webSocketPayload(frame))
    expect([body.seq, body.repo]).toEqual([seq, did])
    const { blocks, root } = await readCarWithRoot(body.blocks as Uint8Array)
    const { sig, ...unsigned } = dagCbor.decode<Record<string, unknown>>(blocks.get(root) ?? new Uint8Array())
    const record = documents.get(did)
    expect(record?.pds).toBe('http://b')
    const key = `did:key:${record?.key?.multikey}`
    expect(await verifySignature(key, dagCbor.encode(unsigned), sig as Uint8Array)).toBe(true)
    const before = last.get(did)
    if (before !== undefined) expect([body.since, String(body.prevData)]).toEqual([before.rev, before.data])
    last.set(did, { rev: String(body.rev), data: String(unsigned.data) })
  }
})

it('is served by a host as the model expects it', async () => {
  const corpus = prepareCorpus({ ...OPTIONS, cacheDir }).host(0)
  const model = new StreamModel()
  for (const event of corpus.expectedEvents()) model.add(event)
  const pds = await SimPds.start()
  pds.loadCorpus(corpus)
  const sub = await CheckingSubscriber.connect({ url: pds.endpoint, cursor: 0, model })
  await sub.untilCaughtUp(3000)
  expect(sub.verdict()).toMatchObject({ ok: true, received: 51 })
  await sub.close()
  await pds.close()
})
