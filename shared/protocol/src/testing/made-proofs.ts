import { hash } from 'node:crypto'
import { BlockMap, MemoryBlockstore, MST } from '@atproto/repo'
import { CID } from 'multiformats/cid'
import { keyOfLayer } from './keys-of-layer.ts'

/** A commit as the fixtures for proofs of commits describe it. */
export interface ProofFixture {
  readonly comment: string
  readonly leafValue: string
  readonly keys: readonly string[]
  readonly adds: readonly string[]
  readonly dels: readonly string[]
  readonly rootBeforeCommit: string
  readonly rootAfterCommit: string
  readonly blocksInProof: readonly string[]
}

type LexCid = Awaited<ReturnType<MST['getPointer']>>

/** Each key as its letter, which orders them, and its layer. */
const SHAPES = [
  { comment: 'a key splits a node two layers down', keys: 'a0 b1 c0 e0 f1 g0', adds: 'd2', dels: '' },
  { comment: 'a key splits layers without keys', keys: 'a0 b0 d0 e0', adds: 'c2', dels: '' },
  { comment: 'a key at the edge, its neighbour two layers down', keys: 'a0 b2 c0', adds: 'd2', dels: '' },
  { comment: 'merged and split in one commit', keys: 'a0 b2 d2 e0', adds: 'c2', dels: 'b2 d2' },
  { comment: 'many at once', keys: 'b0 c2 d0 e1 g0 h2 i0 k0', adds: 'a2 f2 j1', dels: 'c2 h2' },
  { comment: 'the top goes', keys: 'a0 b3 c1 d0', adds: '', dels: 'b3' },
  { comment: 'the last key goes', keys: 'a1', adds: '', dels: 'a1' },
  { comment: 'the first keys', keys: '', adds: 'a0 b1', dels: '' },
] as const

/** Commits with the roots and the proofs that the reference makes of them. */
export async function madeProofs(): Promise<ProofFixture[]> {
  const value = CID.decode(Uint8Array.of(1, 0x71, 0x12, 0x20, ...hash('sha256', 'a record', 'buffer')))
  const leaf = value as unknown as LexCid
  const fixtures: ProofFixture[] = []
  for (const { comment, ...shape } of SHAPES) {
    const [keys, adds, dels] = await Promise.all([shape.keys, shape.adds, shape.dels].map(keysOf))
    if (keys === undefined || adds === undefined || dels === undefined) throw new Error('three lists')
    let tree = await MST.create(new MemoryBlockstore())
    for (const key of keys) tree = await tree.add(key, leaf)
    const before = await tree.getPointer()
    for (const key of adds) tree = await tree.add(key, leaf)
    for (const key of dels) tree = await tree.delete(key)
    const { root, blocks } = await tree.getUnstoredBlocks()
    const storage = new MemoryBlockstore()
    await storage.putMany(blocks)
    const after = MST.load(storage, root)
    const proof = new BlockMap()
    for (const key of [...adds, ...dels]) proof.addMap(await after.getCoveringProof(key))
    fixtures.push({
      comment,
      leafValue: `${leaf}`,
      keys,
      adds,
      dels,
      rootBeforeCommit: `${before}`,
      rootAfterCommit: `${root}`,
      blocksInProof: proof.cids().map(String),
    })
  }
  return fixtures
}

function keysOf(list: string): Promise<string[]> {
  const names = list.split(' ').filter((name) => name !== '')
  return Promise.all(names.map((name) => keyOfLayer(name, Number(name[1]))))
}
