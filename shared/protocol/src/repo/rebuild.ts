import { CID_BYTES, DIGEST_AT } from '../drisl/cid.ts'
import { equalBytes } from '../drisl/text.ts'
import { type Build, newBuild } from './build.ts'
import { type CidPlace, MADE, NONE } from './cid-place.ts'
import { STUB } from './leaf-list.ts'
import { writeNode } from './node-writer.ts'
import { putDigest, sha256 } from './sha256.ts'
import type { Tree } from './tree.ts'

/** `{e: [], l: null}`, the root of an empty repo. */
const EMPTY_NODE = Uint8Array.of(0xa2, 0x61, 0x65, 0x80, 0x61, 0x6c, 0xf6)
const CID_HEAD = Uint8Array.of(1, 0x71, 0x12, 0x20)

let reused: Build | null = null

/**
 * Builds the one canonical tree of `tree.before` (protocol.md 3.4 steps 6 and 7). Returns the CID of its root as a
 * view that is valid until the next call, or null when blocks that the build needs are absent. A node whose bytes are
 * those of the node its leaf came from keeps that CID: what the operations did not touch is not hashed again.
 */
export function rootBefore(tree: Tree): Uint8Array | null {
  reused ??= newBuild(tree)
  const build = reused
  build.tree = tree
  build.madeEnd = 0
  build.isIncomplete = false
  const list = tree.before
  let top = -1
  for (let i = 0; i < list.count; i++) {
    if (list.keyAt[i] !== STUB && list.layer[i]! > top) top = list.layer[i]!
  }
  let place: CidPlace
  if (list.count === 0) place = makeCid(build, sha256(EMPTY_NODE, 0, EMPTY_NODE.length))
  else if (top >= 0) place = buildNode(build, 0, list.count, top, 0)
  else if (list.count === 1) place = list.cidAt[0]!
  else return null
  return build.isIncomplete ? null : viewOf(build, place)
}

function viewOf(build: Build, place: CidPlace): Uint8Array {
  const source = place >= 0 ? build.tree.car.bytes : build.made
  const at = place >= 0 ? place : MADE - place
  return source.subarray(at, at + CID_BYTES)
}

/** The subtree of entries `[from, to)`, at `layer`. `base` is where the stack is free: pairs of left link and leaf. */
function buildNode(build: Build, from: number, to: number, layer: number, base: number): CidPlace {
  if (from === to) return NONE
  const list = build.tree.before
  if (to - from === 1 && list.keyAt[from] === STUB && list.layer[from] === layer) return list.cidAt[from]!
  let top = base
  let gapFrom = from
  for (let i = from; i < to; i++) {
    const isStub = list.keyAt[i] === STUB
    if (isStub ? list.layer[i]! >= layer : list.layer[i]! > layer) {
      build.isIncomplete = true
      return NONE
    }
    if (isStub || list.layer[i] !== layer) continue
    const link = buildNode(build, gapFrom, i, layer - 1, top)
    if (build.isIncomplete) return NONE
    if (top + 2 > build.stack.length) growStack(build)
    build.stack[top++] = link
    build.stack[top++] = i
    gapFrom = i + 1
  }
  const last = buildNode(build, gapFrom, to, layer - 1, top)
  return build.isIncomplete ? NONE : nodeCid(build, base, top, last)
}

/** Encodes the node on the stack and gives its CID. */
function nodeCid(build: Build, base: number, top: number, last: CidPlace): CidPlace {
  const { writer, tree } = build
  writeNode(build, base, top, last)
  for (let i = base + 1; i < top; i += 2) {
    const block = tree.before.node[build.stack[i]!]!
    if (block < 0) continue
    const at = tree.car.dataAt[block]!
    const isSame =
      tree.car.dataEnd[block]! - at === writer.at &&
      equalBytes(writer.bytes, 0, tree.car.bytes, at, writer.at)
    if (isSame) return tree.car.cidAt[block]!
    break
  }
  return makeCid(build, sha256(writer.bytes, 0, writer.at))
}

function makeCid(build: Build, digest: string): CidPlace {
  const at = build.madeEnd
  if (at + CID_BYTES > build.made.length) {
    const larger = new Uint8Array(build.made.length * 2)
    larger.set(build.made)
    build.made = larger
  }
  build.made.set(CID_HEAD, at)
  putDigest(digest, build.made, at + DIGEST_AT)
  build.madeEnd = at + CID_BYTES
  return MADE - at
}

function growStack(build: Build): void {
  const larger = new Int32Array(build.stack.length * 2)
  larger.set(build.stack)
  build.stack = larger
}
