/**
 * A tree laid flat (protocol.md 3.4 step 1), in columns: leaves and stubs in key order. A leaf has its key at
 * `keys[keyAt, keyEnd)`, its own layer, the CID of its value, and the block of the node it stood in. A stub is a
 * subtree whose node is absent: `keyAt` -1, the layer that node would have, its CID. CIDs are offsets in the input.
 */
export type LeafList = {
  count: number
  keyAt: Int32Array
  keyEnd: Int32Array
  layer: Int32Array
  cidAt: Int32Array
  node: Int32Array
}

/** `keyAt` of a stub. */
export const STUB = -1
/** `node` of a leaf that stands in no node of the input. */
export const NO_NODE = -1

const CAPACITY = 512

export function newLeafList(): LeafList {
  return {
    count: 0,
    keyAt: new Int32Array(CAPACITY),
    keyEnd: new Int32Array(CAPACITY),
    layer: new Int32Array(CAPACITY),
    cidAt: new Int32Array(CAPACITY),
    node: new Int32Array(CAPACITY),
  }
}

export function append(
  list: LeafList,
  keyAt: number,
  keyEnd: number,
  layer: number,
  cidAt: number,
  node: number,
): void {
  const i = list.count++
  if (i === list.keyAt.length) grow(list)
  list.keyAt[i] = keyAt
  list.keyEnd[i] = keyEnd
  list.layer[i] = layer
  list.cidAt[i] = cidAt
  list.node[i] = node
}

/** Appends entry `i` of `from`. */
export function appendFrom(list: LeafList, from: LeafList, i: number): void {
  append(list, from.keyAt[i]!, from.keyEnd[i]!, from.layer[i]!, from.cidAt[i]!, from.node[i]!)
}

function grow(list: LeafList): void {
  list.keyAt = doubled(list.keyAt)
  list.keyEnd = doubled(list.keyEnd)
  list.layer = doubled(list.layer)
  list.cidAt = doubled(list.cidAt)
  list.node = doubled(list.node)
}

function doubled(column: Int32Array): Int32Array {
  const larger = new Int32Array(column.length * 2)
  larger.set(column)
  return larger
}
