import { verifySignature } from '@atproto/crypto'
import {
  MemoryBlockstore,
  type MST,
  Repo,
  readCarWithRoot,
  verifyDiffCar,
  verifyRepoCar,
} from '@atproto/repo'
import { encode } from '@ipld/dag-cbor'
import { describe, expect, it } from 'vitest'
import { SimAccount } from './account.ts'
import type { CommitBody } from './events.ts'
import { Random } from './random.ts'
import type { Curve } from './sim-key.ts'

/**
 * Undoes the ops on the tree that the CAR alone shows (protocol.md 3.4) with the reference's tree, and returns the
 * root before. Throws where a block that is needed is missing.
 */
async function invert(body: CommitBody): Promise<string> {
  const { blocks } = await readCarWithRoot(body.blocks)
  const commit = await Repo.load(new MemoryBlockstore(blocks), body.commit)
  let tree: MST = commit.data
  for (const op of [...body.ops].reverse()) {
    if (op.action === 'create') tree = await tree.delete(op.path)
    else if (op.action === 'update') tree = await tree.update(op.path, op.prev)
    else tree = await tree.add(op.path, op.prev)
  }
  return (await tree.getPointer()).toString()
}

async function randomBodies(account: SimAccount, count: number): Promise<CommitBody[]> {
  const bodies: CommitBody[] = []
  const random = account.random
  for (let i = 0; i < count; i++) {
    const kind = account.records.length < 5 ? 0 : random.int(6)
    if (kind <= 1) bodies.push(await account.post())
    else if (kind === 2) bodies.push(await account.update())
    else if (kind === 3) bodies.push(await account.delete())
    else if (kind === 4) bodies.push(await account.bulk(1 + random.int(12)))
    else bodies.push(await account.like(`at://${account.did}/x/y`, 'bafyreib'))
  }
  return bodies
}

describe('SimAccount', () => {
  it.each<Curve>(['k256', 'p256'])(
    'makes commits that the reference verifies and inverts (%s)',
    async (curve) => {
      const account = await SimAccount.create({
        random: new Random(`verify ${curve}`),
        handle: 'a.test',
        curve,
      })
      const start = await readCarWithRoot(account.firstCommit.blocks)
      let repo: Repo = await Repo.load(new MemoryBlockstore(start.blocks), start.root)
      for (const body of await randomBodies(account, 40)) {
        expect(body.prevData?.toString()).toBe(repo.commit.data.toString())
        expect(body.since).toBe(repo.commit.rev)
        expect(body.rev > (body.since ?? '')).toBe(true)
        expect(await invert(body)).toBe(body.prevData?.toString())
        const { blocks, root } = await readCarWithRoot(body.blocks)
        expect(root.equals(body.commit)).toBe(true)
        await verifyDiffCar(repo, body.blocks, account.did, account.key.keypair.did())
        const merged = (repo.storage as MemoryBlockstore).blocks.addMap(blocks)
        repo = await Repo.load(new MemoryBlockstore(merged), root)
        for (const op of body.ops) {
          const value = await repo.data.get(op.path)
          expect(value?.toString() ?? null).toBe(op.cid?.toString() ?? null)
          if (op.cid !== null) expect(blocks.has(op.cid)).toBe(true)
        }
      }
      const whole = await verifyRepoCar(await account.exportCar(), account.did, account.key.keypair.did())
      expect(whole.creates).toHaveLength(account.records.length)
    },
  )

  it('is checked by an inversion that can fail', async () => {
    const account = await SimAccount.create({ random: new Random(3), handle: 'a.test' })
    await account.bulk(20)
    const body = await account.bulk(2)
    expect(await invert(body)).toBe(body.prevData?.toString())
    expect(await invert({ ...body, ops: body.ops.slice(1) })).not.toBe(body.prevData?.toString())
  })

  it('gives the same keys and names for the same seed, and the same bytes with the same clock', async () => {
    const make = async (seed: number) => {
      const account = await SimAccount.create({
        random: new Random(seed),
        handle: 'a.test',
        now: () => 1_700_000_000_000,
      })
      return `${account.did} ${account.key.multikey} ${account.firstCommit.commit.toString()}`
    }
    expect(await make(7)).toBe(await make(7))
    expect(await make(7)).not.toBe(await make(8))
  })

  it('rotates the key: the same tree under a higher rev, signed by the new key alone', async () => {
    const account = await SimAccount.create({ random: new Random(4), handle: 'a.test' })
    await account.post()
    const before = { rev: account.repo.rev, data: account.repo.data, key: account.key.keypair.did() }
    const sync = await account.rotateKey('p256')
    expect(sync.rev > before.rev).toBe(true)
    expect(account.repo.data.equals(before.data)).toBe(true)
    const { blocks, root } = await readCarWithRoot(sync.blocks)
    expect(blocks.size).toBe(1)
    const { commit } = await Repo.load(new MemoryBlockstore(blocks), root)
    const { sig, ...unsigned } = commit
    expect(await verifySignature(account.key.keypair.did(), encode(unsigned), sig)).toBe(true)
    expect(
      await verifySignature(before.key, encode(unsigned), sig, { jwtAlg: 'ES256K' }).catch(() => false),
    ).toBe(false)
  })

  it('leaves out the unchanged root of an empty commit unless asked (A16)', async () => {
    const account = await SimAccount.create({ random: new Random(5), handle: 'a.test' })
    await account.post()
    const bare = await account.emptyCommit()
    const rooted = await account.emptyCommit({ includeRoot: true })
    expect((await readCarWithRoot(bare.blocks)).blocks.size).toBe(1)
    expect((await readCarWithRoot(rooted.blocks)).blocks.size).toBe(2)
    expect(bare.prevData?.equals(account.repo.data)).toBe(true)
  })
})
