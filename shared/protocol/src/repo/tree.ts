import type { Car } from './car.ts'
import { type LeafList, newLeafList } from './leaf-list.ts'

/**
 * What the steps over one tree share: the blocks, the keys in full (prefix compression undone), the list as it is
 * (`now`) and as it was before the operations (`before`). Reused from one commit to the next: nothing is allocated for
 * an entry, and a tree that was opened is valid until the next one is.
 */
export type Tree = {
  kind: 'tree'
  car: Car
  keys: Uint8Array
  keysEnd: number
  now: LeafList
  before: LeafList
}

const KEYS_CAPACITY = 16_384
/** What a hostile commit made larger than that is given back after it. */
const KEYS_KEPT = 1_048_576

export function newTree(car: Car): Tree {
  return {
    kind: 'tree',
    car,
    keys: new Uint8Array(KEYS_CAPACITY),
    keysEnd: 0,
    now: newLeafList(),
    before: newLeafList(),
  }
}

/** Empties the tree for another commit. */
export function resetTree(tree: Tree, car: Car): void {
  tree.car = car
  tree.keysEnd = 0
  if (tree.keys.length > KEYS_KEPT) {
    tree.keys = new Uint8Array(KEYS_CAPACITY)
    tree.now = newLeafList()
    tree.before = newLeafList()
  }
  tree.now.count = 0
  tree.before.count = 0
}

/** Makes room for a key of `length` bytes and returns where it goes. */
export function allotKey(tree: Tree, length: number): number {
  const at = tree.keysEnd
  if (tree.keys.length - at < length) {
    const larger = new Uint8Array(Math.max(tree.keys.length * 2, at + length))
    larger.set(tree.keys.subarray(0, at))
    tree.keys = larger
  }
  tree.keysEnd = at + length
  return at
}
