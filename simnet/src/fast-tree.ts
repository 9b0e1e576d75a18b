import { hash } from 'node:crypto'
import { CborWriter } from './cbor-writer.ts'

export interface Leaf {
  key: string
  /** binary CID */
  value: Uint8Array
}

/** A node of the tree, never changed once made; encoding and CID are worked out when first asked for. */
export interface Node {
  layer: number
  /** Leaves and subtrees in key order; never two subtrees side by side. */
  items: readonly (Leaf | Node)[]
  block: Block | null
}

export interface Block {
  cid: Buffer
  bytes: Buffer
}

const CID_PREFIX = Buffer.from([0x01, 0x71, 0x12, 0x20])
const writer = new CborWriter()

/** CID of a block of DAG-CBOR (protocol.md W5). */
export function cidOf(bytes: Uint8Array): Buffer {
  return Buffer.concat([CID_PREFIX, hash('sha256', bytes, 'buffer')])
}

/** Leading zero bits of sha256(key), halved and rounded down (3.4). */
export function layerOf(key: string): number {
  const digest = hash('sha256', key, 'buffer')
  let bits = 0
  for (const byte of digest) {
    if (byte !== 0) return (bits + Math.clz32(byte) - 24) >> 1
    bits += 8
  }
  return bits >> 1
}

const EMPTY_TREE: Node = { layer: 0, items: [], block: null }

/** Builds a tree from leaves in strictly rising key order. */
export function treeOf(leaves: readonly Leaf[]): Node {
  if (leaves.length === 0) return EMPTY_TREE
  const layers = leaves.map(({ key }) => layerOf(key))
  return build(leaves, layers, 0, leaves.length, Math.max(...layers))
}

function build(
  leaves: readonly Leaf[],
  layers: readonly number[],
  from: number,
  to: number,
  layer: number,
): Node {
  const items: (Leaf | Node)[] = []
  let start = from
  for (let i = from; i <= to; i++) {
    if (i < to && layers[i] !== layer) continue
    if (i > start) items.push(build(leaves, layers, start, i, layer - 1))
    const leaf = leaves[i]
    if (i < to && leaf !== undefined) items.push(leaf)
    start = i + 1
  }
  return node(layer, items)
}

export function insert(tree: Node, key: string, value: Uint8Array): Node {
  const leaf = { key, value }
  const layer = layerOf(key)
  if (tree.items.length === 0) return node(layer, [leaf])
  return insertLeaf(tree, leaf, layer)
}

function insertLeaf(tree: Node, leaf: Leaf, layer: number): Node {
  if (layer > tree.layer) {
    const [left, right] = split(tree, leaf.key)
    return node(layer, [...wrap(left, layer - 1), leaf, ...wrap(right, layer - 1)])
  }
  const index = indexAfter(tree, leaf.key)
  const before = tree.items[index - 1]
  if (layer === tree.layer) {
    if (!isNode(before)) return replace(tree, index, 0, [leaf])
    const [left, right] = split(before, leaf.key)
    return replace(tree, index - 1, 1, [...wrap(left, layer - 1), leaf, ...wrap(right, layer - 1)])
  }
  if (isNode(before)) return replace(tree, index - 1, 1, [insertLeaf(before, leaf, layer)])
  return replace(tree, index, 0, wrap(node(layer, [leaf]), tree.layer - 1))
}

/** Replaces the value at `key`, which must be in the tree. */
export function update(tree: Node, key: string, value: Uint8Array): Node {
  const index = indexOf(tree, key)
  if (index >= 0) return replace(tree, index, 1, [{ key, value }])
  const at = indexAfter(tree, key) - 1
  const child = tree.items[at]
  if (!isNode(child)) throw new RangeError(`${key} is not in the tree`)
  return replace(tree, at, 1, [update(child, key, value)])
}

/** Removes `key`, which must be in the tree. */
export function remove(tree: Node, key: string): Node {
  let top = removeLeaf(tree, key)
  while (top !== null && top.items.length === 1 && isNode(top.items[0])) top = top.items[0]
  return top ?? EMPTY_TREE
}

function removeLeaf(tree: Node, key: string): Node | null {
  const index = indexOf(tree, key)
  if (index >= 0) {
    const left = tree.items[index - 1]
    const right = tree.items[index + 1]
    if (isNode(left) && isNode(right)) return replace(tree, index - 1, 3, [merge(left, right)])
    return tree.items.length === 1 ? null : replace(tree, index, 1, [])
  }
  const at = indexAfter(tree, key) - 1
  const child = tree.items[at]
  if (!isNode(child)) throw new RangeError(`${key} is not in the tree`)
  const smaller = removeLeaf(child, key)
  if (smaller !== null) return replace(tree, at, 1, [smaller])
  return tree.items.length === 1 ? null : replace(tree, at, 1, [])
}

/**
 * The nodes that a consumer needs to undo one change of `key`: the paths to the key and to its neighbours on both
 * sides, chosen as the reference's getCoveringProof chooses them.
 */
export function coveringProof(tree: Node, key: string, into: Set<Node>): void {
  for (let at: Node | undefined = tree; at !== undefined; ) {
    into.add(at)
    const child: Leaf | Node | undefined =
      indexOf(at, key) >= 0 ? undefined : at.items[indexAtOrAfter(at, key) - 1]
    at = isNode(child) ? child : undefined
  }
  for (let at: Node | undefined = tree; at !== undefined; ) {
    into.add(at)
    const child: Leaf | Node | undefined = at.items[indexAtOrAfter(at, key) - 1]
    at = isNode(child) ? child : undefined
  }
  for (let at: Node | undefined = tree; at !== undefined; ) {
    into.add(at)
    at = rightSibling(at, key)
  }
}

function rightSibling(at: Node, key: string): Node | undefined {
  const index = indexAtOrAfter(at, key)
  const found = at.items[index] ?? at.items[index - 1]
  if (found === undefined || isNode(found)) return found
  const next = at.items[found.key === key ? index + 1 : index - 1]
  return isNode(next) ? next : undefined
}

/** Encoding and CID of a node (3.4: `{e: [{k, p, t, v}], l}`). */
export function blockOf(tree: Node): Block {
  if (tree.block === null) {
    // Children first: they use the same writer.
    for (const item of tree.items) if (isNode(item)) blockOf(item)
    const bytes = encodeNode(tree)
    tree.block = { cid: cidOf(bytes), bytes }
  }
  return tree.block
}

function encodeNode({ items }: Node): Buffer {
  const first = items[0]
  const left = isNode(first) ? first : null
  writer
    .map(2)
    .text('e')
    .array(items.filter((item) => !isNode(item)).length)
  let previous = ''
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (item === undefined || isNode(item)) continue
    const shared = sharedPrefix(previous, item.key)
    const next = items[i + 1]
    writer
      .map(4)
      .text('k')
      .bytes(Buffer.from(item.key.slice(shared), 'latin1'))
      .text('p')
      .uint(shared)
    writer.text('t').link(isNode(next) ? blockOf(next).cid : null)
    writer.text('v').link(item.value)
    previous = item.key
  }
  return writer
    .text('l')
    .link(left === null ? null : blockOf(left).cid)
    .take()
}

function split(tree: Node, key: string): [Node | null, Node | null] {
  const index = indexAfter(tree, key)
  const left = tree.items.slice(0, index)
  const right = tree.items.slice(index)
  const last = left.at(-1)
  if (isNode(last)) {
    left.pop()
    const [before, after] = split(last, key)
    if (before !== null) left.push(before)
    if (after !== null) right.unshift(after)
  }
  return [left.length > 0 ? node(tree.layer, left) : null, right.length > 0 ? node(tree.layer, right) : null]
}

function merge(left: Node, right: Node): Node {
  const last = left.items.at(-1)
  const first = right.items[0]
  if (isNode(last) && isNode(first)) {
    return node(left.layer, [...left.items.slice(0, -1), merge(last, first), ...right.items.slice(1)])
  }
  return node(left.layer, [...left.items, ...right.items])
}

/** The node as the only child of empty nodes up to `layer`. */
function wrap(tree: Node | null, layer: number): Node[] {
  if (tree === null) return []
  let top = tree
  while (top.layer < layer) top = node(top.layer + 1, [top])
  return [top]
}

function node(layer: number, items: readonly (Leaf | Node)[]): Node {
  return { layer, items, block: null }
}

function replace(tree: Node, index: number, count: number, items: readonly (Leaf | Node)[]): Node {
  return node(tree.layer, tree.items.toSpliced(index, count, ...items))
}

function isNode(item: Leaf | Node | undefined): item is Node {
  return item !== undefined && 'items' in item
}

function indexOf(tree: Node, key: string): number {
  return tree.items.findIndex((item) => !isNode(item) && item.key === key)
}

/** Index of the first leaf above `key`, or the number of items. */
function indexAfter(tree: Node, key: string): number {
  const index = tree.items.findIndex((item) => !isNode(item) && item.key > key)
  return index >= 0 ? index : tree.items.length
}

function indexAtOrAfter(tree: Node, key: string): number {
  const index = tree.items.findIndex((item) => !isNode(item) && item.key >= key)
  return index >= 0 ? index : tree.items.length
}

function sharedPrefix(a: string, b: string): number {
  const limit = Math.min(a.length, b.length)
  let i = 0
  while (i < limit && a.charCodeAt(i) === b.charCodeAt(i)) i++
  return i
}
