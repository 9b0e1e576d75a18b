import type { Keypair } from '@atproto/crypto'
import { readCar } from '@atproto/repo'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { CborWriter } from './cbor-writer.ts'
import type { CommitBody } from './events.ts'
import { cidOf } from './fast-tree.ts'

export interface CarBlock {
  cid: Uint8Array
  bytes: Uint8Array
}

export interface Car {
  roots: Uint8Array[]
  version: number
  /** The commit block first, then tree nodes and records. */
  blocks: CarBlock[]
}

export type CommitObject = Record<string, unknown>

export interface TreeNode {
  e: Record<string, unknown>[]
  l: unknown
}

/** The root node of the tree that a commit carries. */
export async function rootOf(body: CommitBody): Promise<TreeNode> {
  const { blocks } = await readCar(body.blocks)
  const commit = dagCbor.decode<{ data: CommitBody['commit'] }>(blocks.get(body.commit) ?? new Uint8Array())
  return dagCbor.decode<TreeNode>(blocks.get(commit.data) ?? new Uint8Array())
}

/** Takes a commit apart, lets commit object and CAR be changed, and puts it together with matching CIDs. */
export async function rebuild(
  body: CommitBody,
  changeCommit: (commit: CommitObject) => CommitObject | Promise<CommitObject>,
  changeCar: (car: Car) => Car = (parts) => parts,
  replaceNode?: (tree: TreeNode, cid: CID) => object,
): Promise<Record<string, unknown>> {
  const { blocks } = await readCar(body.blocks)
  const list = [...blocks].map(([cid, content]): CarBlock => ({ cid: cid.bytes, bytes: content }))
  const root = list.find(({ cid }) => equal(cid, body.commit.bytes))
  if (root === undefined) throw new Error('the commit block is part of its own CAR')
  let commit = dagCbor.decode<CommitObject>(root.bytes)
  const rest = list.filter((block) => block !== root)
  if (replaceNode !== undefined) {
    const top = rest.find(({ cid }) => equal(cid, CID.asCID(commit.data)?.bytes))
    if (top === undefined) throw new Error('the root node is part of a commit with ops')
    top.bytes = dagCbor.encode(replaceNode(dagCbor.decode<TreeNode>(top.bytes), CID.decode(top.cid)))
    top.cid = cidOf(top.bytes)
    commit = { ...commit, data: CID.decode(top.cid) }
  }
  const changed = dagCbor.encode(await changeCommit(commit))
  const cid = cidOf(changed)
  const parts = changeCar({ roots: [cid], version: 1, blocks: [{ cid, bytes: changed }, ...rest] })
  return { ...body, commit: CID.decode(cid), blocks: packCar(parts) }
}

export async function sign(commit: CommitObject, keypair: Keypair): Promise<CommitObject> {
  const { sig: _, ...unsigned } = commit
  return { ...unsigned, sig: await keypair.sign(dagCbor.encode(unsigned)) }
}

function packCar({ roots, version, blocks }: Car): Buffer {
  const writer = new CborWriter()
  writer.map(2).text('roots').array(roots.length)
  for (const root of roots) writer.link(root)
  const header = writer.text('version').uint(version).take()
  writer.varint(header.length).raw(header)
  for (const block of blocks)
    writer
      .varint(block.cid.length + block.bytes.length)
      .raw(block.cid)
      .raw(block.bytes)
  return writer.take()
}

/** Header (59 bytes with its length) and the first section of a CAR that `packCar` made. */
export function firstBlockOnly(blocks: Uint8Array): Uint8Array {
  const start = 1 + (blocks[0] ?? 0)
  const [low = 0, high = 0] = blocks.subarray(start)
  const length = low < 0x80 ? low + 1 : (low & 0x7f) + high * 128 + 2
  return blocks.subarray(0, start + length)
}

export function manyBlocks(count: number): CarBlock[] {
  return Array.from({ length: count }, (_, i) => {
    const content = dagCbor.encode({ filler: i })
    return { cid: cidOf(content), bytes: content }
  })
}

export function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0
}
