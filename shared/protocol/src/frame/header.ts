import {
  type Cursor,
  fail,
  MAJOR_MAP,
  MAJOR_NEGATIVE,
  MAJOR_TEXT,
  MAJOR_UINT,
  readHead,
} from '../drisl/cursor.ts'
import { isContainerAllowed, readKey, skipStrict } from '../drisl/skip.ts'
import { isTextAt, textAt } from '../drisl/text.ts'

/** What a header says: `op` 1 a message, -1 an error, 0 when it was missing or no int; `t` '' when there is none. */
export type Header = { op: number; t: string }

const TYPES = ['#commit', '#identity', '#account', '#sync', '#info']

/** Takes the header map (protocol.md W2), strictly. Null on a fault, which is then in the cursor. */
export function readHeader(cursor: Cursor): Header | null {
  const count = readMap(cursor, 'the header is not a map')
  if (count < 0) return null
  const header: Header = { op: 0, t: '' }
  let keyAt = -1
  let keyLength = 0
  for (let i = 0; i < count; i++) {
    keyAt = readKey(cursor, keyAt, keyLength)
    if (keyAt < 0) return null
    keyLength = cursor.arg
    const first = cursor.bytes[cursor.at]! >> 5
    const valueAt = cursor.at
    if (!skipStrict(cursor, 2)) return null
    if (isTextAt(cursor.bytes, keyAt, keyLength, 'op')) {
      if (first === MAJOR_UINT) header.op = cursor.arg
      else if (first === MAJOR_NEGATIVE) header.op = -1 - cursor.arg
    } else if (isTextAt(cursor.bytes, keyAt, keyLength, 't') && first === MAJOR_TEXT) {
      header.t = typeAt(cursor, valueAt)
    }
  }
  return header
}

/** Takes the head of a map of a frame: both items must be maps (W3). Returns the number of entries, or -1. */
export function readMap(cursor: Cursor, complaint: string): number {
  const major = readHead(cursor)
  if (major < 0) return -1
  if (major !== MAJOR_MAP) return fail(cursor, 'frame-malformed', complaint)
  return isContainerAllowed(cursor, cursor.arg, 1) ? cursor.arg : -1
}

function typeAt(cursor: Cursor, valueAt: number): string {
  const length = cursor.arg
  const at = cursor.at - length
  for (const known of TYPES) {
    if (isTextAt(cursor.bytes, at, length, known)) return known
  }
  return at > valueAt ? textAt(cursor.bytes, at, cursor.at) : ''
}
