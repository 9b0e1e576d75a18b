import { verifySignature } from '@atproto/crypto'
import { type RecordWriteOp, readCarWithRoot, WriteOpAction } from '@atproto/repo'
import type { NsidString, RecordKeyString } from '@atproto/syntax'
import * as dagCbor from '@ipld/dag-cbor'
import { describe, expect, it } from 'vitest'
import type { CommitBody } from './events.ts'
import { commitDigest, commitFrame, FastRepo, type FastWrite } from './fast-repo.ts'
import { createFastKey } from './fast-signer.ts'
import { layerOf } from './fast-tree.ts'
import { bodyDigest } from './model.ts'
import { Random } from './random.ts'
import { SimRepo } from './repo.ts'
import { type Curve, createKey } from './sim-key.ts'
import { TidClock } from './tid-clock.ts'
import { decodeFrame, webSocketPayload } from './wire.ts'

const COLLECTION = 'app.bsky.feed.post'

/** Writes that touch each path once, with rkeys in any order so that all layers get split and merged. */
function randomWrites(random: Random, paths: string[]): FastWrite[] {
  const used = new Set<string>()
  return Array.from({ length: 1 + random.int(4) }, (): FastWrite => {
    const record = dagCbor.encode({ text: random.text(20) })
    const known = paths.length === 0 ? undefined : random.pick(paths)
    if (known !== undefined && !used.has(known) && random.chance(0.55)) {
      used.add(known)
      if (random.chance(0.35)) return { action: 'update', path: known, record }
      paths.splice(paths.indexOf(known), 1)
      return { action: 'delete', path: known }
    }
    const path = `${COLLECTION}/${random.text(10)}`
    used.add(path)
    paths.push(path)
    return { action: 'create', path, record }
  })
}

function asReferenceWrite(write: FastWrite): RecordWriteOp {
  const [collection, rkey] = write.path.split('/') as [NsidString, RecordKeyString]
  if (write.action === 'delete') return { action: WriteOpAction.Delete, collection, rkey }
  const record: RecordWriteOp extends { record: infer R } ? R : never = dagCbor.decode(write.record)
  const action = write.action === 'create' ? WriteOpAction.Create : WriteOpAction.Update
  return { action, collection, rkey, record } as RecordWriteOp
}

describe('FastRepo', () => {
  it.each<[number, Curve]>([
    [1, 'k256'],
    [2, 'p256'],
    [3, 'k256'],
  ])(
    'gives the roots, ops and blocks of the reference for random writes (seed %i, %s)',
    async (seed, curve) => {
      const clock = new TidClock()
      const rev = clock.next()
      const { repo } = await SimRepo.create(
        'did:plc:x',
        (await createKey(new Random(seed), curve)).keypair,
        rev,
      )
      const fastKey = createFastKey(new Random(seed), curve)
      const fast = new FastRepo('did:plc:x', fastKey, [], rev)
      const { keypair } = await createKey(new Random(seed), curve)
      expect(keypair.did()).toBe(fastKey.didKey)
      const random = new Random(seed)
      const paths: string[] = []
      for (let i = 0; i < 60; i++) {
        const writes = randomWrites(random, paths)
        const next = clock.next()
        const expected = await repo.commit(writes.map(asReferenceWrite), keypair, next)
        const made = fast.commit(writes, next)
        const frame = commitFrame(made, 77, '2026-01-01T00:00:00Z')
        const { type, body } = decodeFrame(webSocketPayload(frame))
        expect(type).toBe('#commit')
        expect(Buffer.concat([dagCbor.encode({ op: 1, t: type }), dagCbor.encode(body)])).toEqual(
          webSocketPayload(frame),
        )
        expect(commitDigest(made)).toBe(bodyDigest(body))
        await expectSame(body as unknown as CommitBody, expected, fastKey.didKey)
      }
    },
  )

  it('counts layers as the specification does', () => {
    // Interop vectors of the specification.
    expect(['2653ae71', 'blue', 'app.bsky.feed.post/454397e440ec'].map(layerOf)).toEqual([0, 1, 4])
  })
})

/** Everything but the commit block, whose signature may differ, must be the same. */
async function expectSame(made: CommitBody, expected: CommitBody, didKey: string): Promise<void> {
  const ours = await readCarWithRoot(made.blocks)
  const theirs = await readCarWithRoot(expected.blocks)
  const commit = dagCbor.decode<Record<string, unknown>>(ours.blocks.get(ours.root) ?? new Uint8Array())
  const { sig, ...unsigned } = commit
  expect(await verifySignature(didKey, dagCbor.encode(unsigned), sig as Uint8Array)).toBe(true)
  const { sig: _sig, ...reference } = dagCbor.decode<Record<string, unknown>>(
    theirs.blocks.get(theirs.root) ?? new Uint8Array(),
  )
  expect(dagCbor.encode(unsigned)).toEqual(dagCbor.encode(reference))
  const cids = (car: typeof ours) =>
    car.blocks
      .cids()
      .map(String)
      .filter((cid) => cid !== String(car.root))
      .sort()
  expect(cids(ours)).toEqual(cids(theirs))
  const { commit: _a, blocks: _b, ...rest } = made
  const { commit: _c, blocks: _d, ...expectedRest } = expected
  expect(bodyDigest(rest)).toBe(bodyDigest({ ...expectedRest }))
}
