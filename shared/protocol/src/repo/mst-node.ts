import { CID_BYTES } from '../drisl/cid.ts'
import {
  BYTE_NULL,
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_UINT,
  newCursor,
  openCursor,
  readHead,
} from '../drisl/cursor.ts'
import { allotKey, type Tree } from './tree.ts'

/** More neighbours of one layer than that is no accident (protocol.md 3.4 step 3). */
const MAX_NODE_ENTRIES = 1_024
const MAX_KEY_BYTES = 1_024

/** A link of the input that is null. */
export const NO_LINK = -1

/** Bytes of a link: tag 42, a head of two bytes, the zero, the CID. */
const LINK_BYTES = 5 + CID_BYTES
const ENTRY_HEAD = 0xa4
const NODE_HEAD = 0xa2
const [E, K, L, P, T, V] = [0x65, 0x6b, 0x6c, 0x70, 0x74, 0x76]

/**
 * Entries of the nodes on the way down, a stack of four numbers each: key from, key to, value CID, link to the right.
 * A node's entries have to be read before its left link is, and walked after.
 */
export type NodeStack = { slots: Int32Array; top: number; left: number; complaint: string }

export const ENTRY_SLOTS = 4

export function newNodeStack(): NodeStack {
  return { slots: new Int32Array(4_096), top: 0, left: NO_LINK, complaint: '' }
}

const cursor = newCursor()

/**
 * Reads the node `bytes[at, end)` byte for byte: the only encoding there is of `{e: [{k, p, t, v}], l}` with the
 * longest prefixes (3.4 step 3). Pushes its entries, leaves the left link in `left`. Returns their count, or -1.
 */
export function readNode(tree: Tree, stack: NodeStack, at: number, end: number): number {
  const { bytes } = tree.car
  stack.left = NO_LINK
  openCursor(cursor, bytes, at, end)
  if (end - at < 7 || bytes[at] !== NODE_HEAD || !isKey(bytes, at + 1, E))
    return complain(stack, 'not a map of e and l')
  cursor.at = at + 3
  if (readHead(cursor) !== MAJOR_ARRAY) return complain(stack, 'e is not a list')
  const count = cursor.arg
  if (count > MAX_NODE_ENTRIES) return complain(stack, `more than ${MAX_NODE_ENTRIES} entries in a node`)
  let lastAt = 0
  let lastEnd = 0
  for (let i = 0; i < count; i++) {
    if (!readEntry(tree, stack, end, lastAt, lastEnd)) return -1
    lastAt = stack.slots[stack.top - ENTRY_SLOTS]!
    lastEnd = stack.slots[stack.top - ENTRY_SLOTS + 1]!
  }
  if (end - cursor.at < 3 || !isKey(bytes, cursor.at, L)) return complain(stack, 'l is missing')
  cursor.at += 2
  const left = takeLink(bytes, end)
  if (left < NO_LINK) return complain(stack, 'l is neither null nor the CID of a node')
  if (cursor.at !== end) return complain(stack, 'bytes after the node')
  stack.left = left
  return count
}

function readEntry(tree: Tree, stack: NodeStack, end: number, lastAt: number, lastEnd: number): boolean {
  const { bytes } = tree.car
  const { at } = cursor
  if (end - at < 3 || bytes[at] !== ENTRY_HEAD || !isKey(bytes, at + 1, K))
    return isWrong(stack, 'not k, p, t and v')
  cursor.at = at + 3
  if (readHead(cursor) !== MAJOR_BYTES) return isWrong(stack, 'k is not bytes')
  const length = cursor.arg
  const restAt = cursor.at
  if (length > MAX_KEY_BYTES || length > end - restAt - 3) return isWrong(stack, 'k is too long')
  if (length === 0) return isWrong(stack, 'k is empty')
  cursor.at = restAt + length
  if (!isKey(bytes, cursor.at, P)) return isWrong(stack, 'p is missing')
  cursor.at += 2
  if (readHead(cursor) !== MAJOR_UINT) return isWrong(stack, 'p is no number')
  const prefix = cursor.arg
  if (prefix > lastEnd - lastAt) return isWrong(stack, 'p is longer than the key before')
  if (prefix + length > MAX_KEY_BYTES) return isWrong(stack, 'a key is too long')
  const keyAt = allotKey(tree, prefix + length)
  const { keys } = tree
  if (lastAt + prefix < lastEnd && keys[lastAt + prefix] === bytes[restAt]) {
    return isWrong(stack, 'p is not the longest prefix')
  }
  for (let i = 0; i < prefix; i++) keys[keyAt + i] = keys[lastAt + i]!
  for (let i = 0; i < length; i++) keys[keyAt + prefix + i] = bytes[restAt + i]!
  if (end - cursor.at < 3 || !isKey(bytes, cursor.at, T)) return isWrong(stack, 't is missing')
  cursor.at += 2
  const link = takeLink(bytes, end)
  if (link < NO_LINK) return isWrong(stack, 't is neither null nor the CID of a node')
  if (end - cursor.at < 3 || !isKey(bytes, cursor.at, V)) return isWrong(stack, 'v is missing')
  cursor.at += 2
  if (!isLink(bytes, cursor.at, end)) return isWrong(stack, 'v is not a CID')
  const valueAt = cursor.at + 5
  cursor.at += LINK_BYTES
  push(stack, keyAt, keyAt + prefix + length, valueAt, link)
  return true
}

function push(stack: NodeStack, keyAt: number, keyEnd: number, valueAt: number, link: number): void {
  const { top } = stack
  if (top + ENTRY_SLOTS > stack.slots.length) {
    const larger = new Int32Array(stack.slots.length * 2)
    larger.set(stack.slots)
    stack.slots = larger
  }
  const { slots } = stack
  slots[top] = keyAt
  slots[top + 1] = keyEnd
  slots[top + 2] = valueAt
  slots[top + 3] = link
  stack.top = top + ENTRY_SLOTS
}

/** Takes null or a link to a node. Returns where its CID starts, NO_LINK for null, -2 for anything else. */
function takeLink(bytes: Uint8Array, end: number): number {
  const { at } = cursor
  if (bytes[at] === BYTE_NULL) {
    cursor.at = at + 1
    return NO_LINK
  }
  if (!isLink(bytes, at, end) || bytes[at + 6] !== 0x71) return -2
  cursor.at = at + LINK_BYTES
  return at + 5
}

/** Whether a CID of version 1 and sha2-256 is linked at `at`. */
function isLink(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at >= LINK_BYTES &&
    bytes[at] === 0xd8 &&
    bytes[at + 1] === 42 &&
    bytes[at + 2] === 0x58 &&
    bytes[at + 3] === CID_BYTES + 1 &&
    bytes[at + 4] === 0 &&
    bytes[at + 5] === 1 &&
    bytes[at + 6]! < 0x80 &&
    bytes[at + 7] === 0x12 &&
    bytes[at + 8] === 0x20
  )
}

/** Whether a map key of this one letter stands at `at`. */
function isKey(bytes: Uint8Array, at: number, letter: number): boolean {
  return bytes[at] === 0x61 && bytes[at + 1] === letter
}

function complain(stack: NodeStack, complaint: string): -1 {
  stack.complaint = complaint
  return -1
}

function isWrong(stack: NodeStack, complaint: string): false {
  stack.complaint = complaint
  return false
}
