import { compareBytes } from '../drisl/text.ts'
import { type Car, findBlock } from './car.ts'
import { type Fault, fault } from './fault.ts'
import { keyLayer } from './key-layer.ts'
import { append, NO_NODE, STUB } from './leaf-list.ts'
import { ENTRY_SLOTS, NO_LINK, newNodeStack, readNode } from './mst-node.ts'
import { newTree, resetTree, type Tree } from './tree.ts'

/** Nothing above this layer can be: 2^128 tries would find such a key. */
const MAX_DEPTH = 64

const stack = newNodeStack()
let reused: Tree | null = null
let seen = new Uint8Array(64)

/**
 * Walks the tree under the CID at `cid[at]` into a list (protocol.md C10, 3.4 steps 1-4). That every included node is
 * in canonical form is proved on the way and not by building it again: its bytes are the only encoding (mst-node.ts),
 * each key is of the layer of its node, the layers of parent and child differ by one, no node is empty but where its
 * layer has no key, and the keys ascend over the whole walk. The tree is valid until the next call.
 */
export function openTree(car: Car, cid: Uint8Array, at: number): Tree | Fault {
  const root = findBlock(car, cid, at)
  if (root < 0) return fault('inversion-incomplete', 'the root of the tree is not among the blocks')
  reused ??= newTree(car)
  const tree = reused
  resetTree(tree, car)
  const blocks = car.cidAt.length
  if (seen.length < blocks) seen = new Uint8Array(blocks)
  else seen.fill(0, 0, blocks)
  stack.top = 0
  stack.complaint = ''
  return walkRoot(tree, root) ? tree : fault('mst-malformed', stack.complaint)
}

function walkRoot(tree: Tree, block: number): boolean {
  const count = readNode(tree, stack, tree.car.dataAt[block]!, tree.car.dataEnd[block]!)
  if (count < 0) return false
  seen[block] = 1
  if (count === 0) return stack.left === NO_LINK || isWrong('a root without entries')
  const layer = keyLayer(tree.keys, stack.slots[0]!, stack.slots[1]!)
  if (layer > MAX_DEPTH) return isWrong('too deep')
  return walkEntries(tree, block, count, layer)
}

function walkNode(tree: Tree, block: number, layer: number): boolean {
  // No node stands twice in a tree; without this, nodes without keys could be linked from everywhere.
  if (seen[block] === 1) return isWrong('a node is linked twice')
  seen[block] = 1
  const count = readNode(tree, stack, tree.car.dataAt[block]!, tree.car.dataEnd[block]!)
  if (count < 0) return false
  if (count === 0 && stack.left === NO_LINK) return isWrong('an empty node below the root')
  return walkEntries(tree, block, count, layer)
}

/** Walks the node whose `count` entries were pushed last: left link, then each entry and its right link. */
function walkEntries(tree: Tree, block: number, count: number, layer: number): boolean {
  const base = stack.top - count * ENTRY_SLOTS
  if (!walkLink(tree, stack.left, layer - 1)) return false
  for (let i = 0; i < count; i++) {
    const at = base + i * ENTRY_SLOTS
    const keyAt = stack.slots[at]!
    const keyEnd = stack.slots[at + 1]!
    if (keyLayer(tree.keys, keyAt, keyEnd) !== layer) return isWrong('a key is not of the layer of its node')
    if (!isAfterLast(tree, keyAt, keyEnd)) return isWrong('keys do not ascend')
    append(tree.now, keyAt, keyEnd, layer, stack.slots[at + 2]!, block)
    if (!walkLink(tree, stack.slots[at + 3]!, layer - 1)) return false
  }
  stack.top = base
  return true
}

function walkLink(tree: Tree, cidAt: number, layer: number): boolean {
  if (cidAt === NO_LINK) return true
  if (layer < 0) return isWrong('a node below layer 0')
  const block = findBlock(tree.car, tree.car.bytes, cidAt)
  if (block >= 0) return walkNode(tree, block, layer)
  append(tree.now, STUB, STUB, layer, cidAt, NO_NODE)
  return true
}

/** Whether a key comes after the last one of the list; a stub may stand between. */
function isAfterLast(tree: Tree, keyAt: number, keyEnd: number): boolean {
  const { now, keys } = tree
  let last = now.count - 1
  while (last >= 0 && now.keyAt[last] === STUB) last--
  return last < 0 || compareBytes(keys, now.keyAt[last]!, now.keyEnd[last]!, keys, keyAt, keyEnd) < 0
}

function isWrong(complaint: string): false {
  stack.complaint = complaint
  return false
}
