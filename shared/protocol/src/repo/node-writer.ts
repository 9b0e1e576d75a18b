import { CID_BYTES } from '../drisl/cid.ts'
import { BYTE_NULL, MAJOR_ARRAY, MAJOR_BYTES, MAJOR_UINT } from '../drisl/cursor.ts'
import { reserve, type Writer, writeHead } from '../drisl/writer.ts'
import type { Build } from './build.ts'
import { type CidPlace, MADE, NONE } from './cid-place.ts'

/** Room for all of an entry but its key: heads, letters, two links. */
const ENTRY_ROOM = 128

/**
 * Encodes the node whose left links and leaves stand on the stack in `[base, top)`, with `last` as its rightmost link,
 * canonically: the longest prefixes, keys in order (protocol.md 3.4 step 7).
 */
export function writeNode(build: Build, base: number, top: number, last: CidPlace): void {
  const { writer, stack } = build
  writer.at = 0
  reserve(writer, ENTRY_ROOM)
  writer.bytes[0] = 0xa2
  writer.at = 1
  putLetter(writer, 0x65)
  writeHead(writer, MAJOR_ARRAY, (top - base) / 2)
  let lastAt = 0
  let lastEnd = 0
  for (let i = base; i < top; i += 2) {
    const leaf = stack[i + 1]!
    writeEntry(build, leaf, lastAt, lastEnd, i + 2 < top ? stack[i + 2]! : last)
    lastAt = build.tree.before.keyAt[leaf]!
    lastEnd = build.tree.before.keyEnd[leaf]!
  }
  reserve(writer, ENTRY_ROOM)
  putLetter(writer, 0x6c)
  putLink(build, base < top ? stack[base]! : last)
}

function writeEntry(build: Build, leaf: number, lastAt: number, lastEnd: number, right: CidPlace): void {
  const { writer, tree } = build
  const { keys, before } = tree
  const keyAt = before.keyAt[leaf]!
  const keyEnd = before.keyEnd[leaf]!
  const limit = Math.min(lastEnd - lastAt, keyEnd - keyAt)
  let prefix = 0
  while (prefix < limit && keys[lastAt + prefix] === keys[keyAt + prefix]) prefix++
  reserve(writer, ENTRY_ROOM + keyEnd - keyAt)
  writer.bytes[writer.at++] = 0xa4
  putLetter(writer, 0x6b)
  writeHead(writer, MAJOR_BYTES, keyEnd - keyAt - prefix)
  const { bytes } = writer
  let { at } = writer
  for (let i = keyAt + prefix; i < keyEnd; i++) bytes[at++] = keys[i]!
  writer.at = at
  putLetter(writer, 0x70)
  writeHead(writer, MAJOR_UINT, prefix)
  putLetter(writer, 0x74)
  putLink(build, right)
  putLetter(writer, 0x76)
  putLink(build, before.cidAt[leaf]!)
}

function putLetter(writer: Writer, letter: number): void {
  writer.bytes[writer.at] = 0x61
  writer.bytes[writer.at + 1] = letter
  writer.at += 2
}

function putLink(build: Build, place: CidPlace): void {
  const { writer } = build
  const { bytes } = writer
  let { at } = writer
  if (place === NONE) {
    bytes[at] = BYTE_NULL
    writer.at = at + 1
    return
  }
  bytes[at] = 0xd8
  bytes[at + 1] = 42
  bytes[at + 2] = 0x58
  bytes[at + 3] = CID_BYTES + 1
  bytes[at + 4] = 0
  at += 5
  const source = place >= 0 ? build.tree.car.bytes : build.made
  const from = place >= 0 ? place : MADE - place
  for (let i = 0; i < CID_BYTES; i++) bytes[at + i] = source[from + i]!
  writer.at = at + CID_BYTES
}
