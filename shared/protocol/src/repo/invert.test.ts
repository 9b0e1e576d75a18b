import { hash } from 'node:crypto'
import { BlockMap, MemoryBlockstore, MST } from '@atproto/repo'
import { readVectorJson, vectorsOr } from '@bgs/testkit/vectors.ts'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { cidFromText, cidToText } from '../drisl/cid.ts'
import { type Block, block } from '../testing/blocks.ts'
import { madeProofs, type ProofFixture } from '../testing/made-proofs.ts'
import { invert, type LooseOp } from '../testing/proof.ts'
import { seeded } from '../testing/seeded.ts'

type LexCid = Awaited<ReturnType<MST['getPointer']>>

/** The CID of a made-up record. */
function valueCid(text: string): LexCid {
  return CID.decode(
    Uint8Array.of(1, 0x71, 0x12, 0x20, ...hash('sha256', text, 'buffer')),
  ) as unknown as LexCid
}

function bytesOf(cid: LexCid): Uint8Array {
  return Uint8Array.from(cid.bytes)
}

function blocksOf(map: BlockMap): Block[] {
  return map.entries().map(({ cid, bytes }) => ({ cid: bytesOf(cid), bytes }))
}

async function store(tree: MST, into: MemoryBlockstore): Promise<MST> {
  const { root, blocks } = await tree.getUnstoredBlocks()
  await into.putMany(blocks)
  return MST.load(into, root)
}

/** The text of the root that inversion gives, or the reason why it gives none. */
function outcome(result: ReturnType<typeof invert>): string {
  return result instanceof Uint8Array ? cidToText(result) : result.reason
}

function* permutations<T>(items: T[]): Generator<T[]> {
  if (items.length < 2) yield items
  for (let i = 0; i < items.length; i++) {
    for (const rest of permutations(items.toSpliced(i, 1))) yield [items[i]!, ...rest]
  }
}

const PROOFS = 'interop/firehose/commit-proof-fixtures.json'
const proofs = await vectorsOr([PROOFS], () => readVectorJson<ProofFixture[]>(PROOFS), madeProofs)

describe(`commit-proof fixtures (${proofs.origin})`, { meta: proofs.meta }, () => {
  test.each(proofs.cases.map((fixture) => ({ comment: fixture.comment, fixture })))(
    '$comment',
    async ({ fixture }) => {
      const storage = new MemoryBlockstore()
      const leaf = CID.parse(fixture.leafValue) as unknown as LexCid
      let tree = await MST.create(storage)
      for (const key of fixture.keys) tree = await tree.add(key, leaf)
      expect(`${await tree.getPointer()}`).toBe(fixture.rootBeforeCommit)
      for (const key of fixture.adds) tree = await tree.add(key, leaf)
      for (const key of fixture.dels) tree = await tree.delete(key)
      const { root, blocks } = await tree.getUnstoredBlocks()
      expect(`${root}`).toBe(fixture.rootAfterCommit)
      const proof = blocksOf(blocks).filter(({ cid }) => fixture.blocksInProof.includes(cidToText(cid)))
      const value = cidFromText(fixture.leafValue)
      const ops: LooseOp[] = [
        ...fixture.adds.map((path) => ({ action: 'create', path, cid: value, prev: null })),
        ...fixture.dels.map((path) => ({ action: 'delete', path, cid: null, prev: value })),
      ]
      for (const order of permutations(ops)) {
        expect(outcome(invert(bytesOf(root), proof, order))).toBe(fixture.rootBeforeCommit)
      }
    },
  )
})

/** A random tree, random operations on it, and the proof that the reference sends for them. */
async function randomCommit(seed: number) {
  const random = seeded(seed)
  const storage = new MemoryBlockstore()
  let before = await MST.create(storage)
  const keys: string[] = []
  const newKey = () => `com.example.r${random(3)}/${random(1_000_000).toString(36)}`
  for (let i = random(60); i > 0; i--) {
    const key = newKey()
    if (keys.includes(key)) continue
    before = await before.add(key, valueCid(key))
    keys.push(key)
  }
  before = await store(before, storage)
  let after = before
  const ops = new Map<string, LooseOp>()
  for (let i = 1 + random(6); i > 0; i--) {
    const kind = keys.length === 0 ? 0 : random(3)
    const path = kind === 0 ? newKey() : keys[random(keys.length)]!
    if (ops.has(path) || (kind === 0 && keys.includes(path))) continue
    const value = valueCid(`${path} ${i}`)
    const old = bytesOf(valueCid(path))
    if (kind === 0) {
      after = await after.add(path, value)
      ops.set(path, { action: 'create', path, cid: bytesOf(value), prev: null })
    } else if (kind === 1) {
      after = await after.update(path, value)
      ops.set(path, { action: 'update', path, cid: bytesOf(value), prev: old })
    } else {
      after = await after.delete(path)
      ops.set(path, { action: 'delete', path, cid: null, prev: old })
    }
  }
  const previous = `${await before.getPointer()}`
  after = await store(after, storage)
  const proof = new BlockMap()
  for (const path of ops.keys()) proof.addMap(await after.getCoveringProof(path))
  const whole = blocksOf(storage.blocks)
  return {
    previous,
    data: bytesOf(await after.getPointer()),
    proof: blocksOf(proof),
    whole,
    ops: [...ops.values()],
  }
}

describe('against the reference on random trees', () => {
  const seed = fc.nat(1_000_000)

  test('undone, the operations give the root before, from the proof or from all blocks', async () => {
    await fc.assert(
      fc.asyncProperty(seed, async (from) => {
        const { previous, data, proof, whole, ops } = await randomCommit(from)
        expect(outcome(invert(data, proof, ops))).toBe(previous)
        expect(outcome(invert(data, whole, ops))).toBe(previous)
      }),
      { numRuns: 60 },
    )
  })

  test('an operation left out, invented or changed never gives it', async () => {
    await fc.assert(
      fc.asyncProperty(seed, fc.nat(), async (from, choice) => {
        const { previous, data, whole, ops } = await randomCommit(from)
        if (ops.length === 0) return
        const index = choice % ops.length
        const op = ops[index]!
        const other = bytesOf(valueCid('other'))
        const invented = { action: 'delete', path: 'com.example.r1/zzzz-invented', cid: null, prev: other }
        expect(outcome(invert(data, whole, ops.toSpliced(index, 1)))).not.toBe(previous)
        expect(outcome(invert(data, whole, [...ops, invented]))).not.toBe(previous)
        if (op.prev !== null) {
          expect(outcome(invert(data, whole, ops.with(index, { ...op, prev: other })))).not.toBe(previous)
        }
        if (op.cid !== null) {
          expect(outcome(invert(data, whole, ops.with(index, { ...op, cid: other })))).toBe('op-not-in-tree')
        }
      }),
      { numRuns: 60 },
    )
  })

  test('with any blocks left out: the root before or none, never another', async () => {
    await fc.assert(
      fc.asyncProperty(seed, fc.array(fc.nat(), { maxLength: 4 }), async (from, holes) => {
        const { previous, data, proof, ops } = await randomCommit(from)
        const rest = proof.filter((_, index) => !holes.some((hole) => hole % proof.length === index))
        expect(['inversion-incomplete', previous]).toContain(outcome(invert(data, rest, ops)))
      }),
      { numRuns: 60 },
    )
  })

  test('a root with any byte changed is malformed, or exactly what a canonical build gives', async () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))
    await fc.assert(
      fc.asyncProperty(seed, fc.array(change, { minLength: 30, maxLength: 30 }), async (from, changes) => {
        const { data, whole } = await randomCommit(from)
        const root = whole.find(({ cid }) => cidToText(cid) === cidToText(data))!
        for (const [place, mask] of changes) {
          const bytes = Uint8Array.from(root.bytes)
          const at = place % bytes.length
          bytes[at] = bytes[at]! ^ mask
          const mutant = block(bytes)
          const result = outcome(invert(mutant.cid, [mutant, ...whole], []))
          expect(['mst-malformed', cidToText(mutant.cid)]).toContain(result)
        }
      }),
      { numRuns: 30 },
    )
  })
})
