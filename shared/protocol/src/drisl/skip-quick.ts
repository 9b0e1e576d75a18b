import {
  type Cursor,
  fail,
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_TAG,
  MAJOR_TEXT,
  readHead,
} from './cursor.ts'
import { takeLength } from './skip.ts'

/**
 * Steps over one item without proving anything but that it ends inside the input: for a first look only, a strict
 * scan has to follow. Every element takes a byte at least, so a count that lies costs no more than the input.
 */
export function skipQuick(cursor: Cursor): boolean {
  let open = 1
  while (open > 0) {
    const major = readHead(cursor)
    if (major < 0) return false
    open--
    if (major === MAJOR_BYTES || major === MAJOR_TEXT) {
      if (takeLength(cursor, cursor.arg) < 0) return false
    } else if (major === MAJOR_ARRAY) open += cursor.arg
    else if (major === MAJOR_MAP) open += 2 * cursor.arg
    else if (major === MAJOR_TAG) open++
    if (open > cursor.end - cursor.at) return fail(cursor, 'frame-malformed', 'truncated') > 0
  }
  return true
}

/**
 * Whether `bytes[at, end)` is one well-formed CBOR map of definite lengths that fills the range (protocol.md C11).
 * A relay does not judge what is in a record: floats, other tags, any key and any order pass here.
 */
export function isCborMap(bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end || bytes[at]! >> 5 !== MAJOR_MAP) return false
  let open = 1
  let i = at
  while (open > 0) {
    if (i >= end) return false
    const first = bytes[i++]!
    const major = first >> 5
    const info = first & 31
    let arg = info
    if (info >= 24) {
      if (info > 27) return false
      const size = 1 << (info - 24)
      if (end - i < size) return false
      arg = 0
      for (const stop = i + size; i < stop; i++) arg = arg * 256 + bytes[i]!
    }
    open--
    if (major === MAJOR_BYTES || major === MAJOR_TEXT) {
      if (arg > end - i) return false
      i += arg
    } else if (major === MAJOR_ARRAY) open += arg
    else if (major === MAJOR_MAP) open += 2 * arg
    else if (major === MAJOR_TAG) open++
    if (open > end - i) return false
  }
  return i === end
}
