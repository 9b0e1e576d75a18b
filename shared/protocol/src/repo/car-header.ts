import { isDrislCid } from '../drisl/cid.ts'
import {
  type Cursor,
  MAJOR_ARRAY,
  MAJOR_MAP,
  MAJOR_TAG,
  MAJOR_UINT,
  newCursor,
  openCursor,
  peekMajor,
  readHead,
} from '../drisl/cursor.ts'
import { readKey, skipStrict, takeCid } from '../drisl/skip.ts'
import { isTextAt } from '../drisl/text.ts'
import { type Fault, fault } from './fault.ts'

type CarHeader = { kind: 'header'; rootAt: number; end: number }

const shared = newCursor()

/** Reads the header of a CAR: a length, then `{roots, version: 1}` with at least one root (protocol.md C6). */
export function readCarHeader(bytes: Uint8Array, at: number, end: number): CarHeader | Fault {
  let i = at
  let length = 0
  for (let shift = 0; ; shift += 7) {
    if (i >= end || shift > 21) return fault('car-malformed', 'no header')
    const byte = bytes[i++]!
    length |= (byte & 127) << shift
    if (byte < 0x80) break
  }
  if (length === 0 || length > end - i) return fault('car-malformed', 'the header is truncated')
  const cursor = openCursor(shared, bytes, i, i + length)
  if (readHead(cursor) !== MAJOR_MAP) return fault('car-malformed', 'the header is not a map')
  const count = cursor.arg
  let version = 0
  let rootAt = -1
  let keyAt = -1
  let keyLength = 0
  for (let entry = 0; entry < count; entry++) {
    keyAt = readKey(cursor, keyAt, keyLength)
    if (keyAt < 0) break
    keyLength = cursor.arg
    if (isTextAt(bytes, keyAt, keyLength, 'roots') && peekMajor(cursor) === MAJOR_ARRAY)
      rootAt = takeRoots(cursor)
    else if (isTextAt(bytes, keyAt, keyLength, 'version') && peekMajor(cursor) === MAJOR_UINT) {
      readHead(cursor)
      version = cursor.arg
    } else skipStrict(cursor, 2)
    if (cursor.fault !== null) break
  }
  if (cursor.fault !== null) return fault('car-malformed', `header: ${cursor.detail}`)
  if (cursor.at !== cursor.end) return fault('car-malformed', 'bytes after the header')
  if (version !== 1) return fault('car-malformed', 'not version 1')
  if (rootAt < 0) return fault('car-root', 'no root that is the CID of a commit')
  return { kind: 'header', rootAt, end: i + length }
}

/** Takes the list of roots. Returns where the first starts, -1 when there is none or it can be no commit. */
function takeRoots(cursor: Cursor): number {
  if (readHead(cursor) < 0) return -1
  const count = cursor.arg
  let rootAt = -1
  for (let i = 0; i < count; i++) {
    if (i > 0 || peekMajor(cursor) !== MAJOR_TAG) {
      if (!skipStrict(cursor, 3)) return -1
      continue
    }
    if (readHead(cursor) < 0) return -1
    const at = takeCid(cursor, cursor.arg)
    if (at < 0) return -1
    if (isDrislCid(cursor.bytes, at, cursor.arg)) rootAt = at
  }
  return rootAt
}
