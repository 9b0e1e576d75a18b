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
import { isValidText } from './text.ts'

/** Guards of protocol.md W6. */
const MAX_DEPTH = 32
const MAX_ELEMENTS = 131_072
const MAX_KEY_BYTES = 8_192
const MAX_CID_BYTES = 100

const TAG_CID = 42

/**
 * Takes one item and proves that it is DRISL within the guards (W4, W6). `depth` is the nesting of the item itself:
 * 1 for a whole payload. Returns false on a fault, which is then in the cursor.
 */
export function skipStrict(cursor: Cursor, depth: number): boolean {
  const major = readHead(cursor)
  const { arg } = cursor
  switch (major) {
    case -1:
      return false
    case MAJOR_BYTES:
      return takeLength(cursor, arg) >= 0
    case MAJOR_TEXT:
      return takeText(cursor, arg) >= 0
    case MAJOR_ARRAY:
      return skipArray(cursor, arg, depth)
    case MAJOR_MAP:
      return skipMap(cursor, arg, depth)
    case MAJOR_TAG:
      return takeCid(cursor, arg) >= 0
    default:
      return true
  }
}

function skipArray(cursor: Cursor, count: number, depth: number): boolean {
  if (!isContainerAllowed(cursor, count, depth)) return false
  for (let i = 0; i < count; i++) {
    if (!skipStrict(cursor, depth + 1)) return false
  }
  return true
}

function skipMap(cursor: Cursor, count: number, depth: number): boolean {
  if (!isContainerAllowed(cursor, count, depth)) return false
  let keyAt = -1
  let keyLength = 0
  for (let i = 0; i < count; i++) {
    keyAt = readKey(cursor, keyAt, keyLength)
    if (keyAt < 0) return false
    keyLength = cursor.arg
    if (!skipStrict(cursor, depth + 1)) return false
  }
  return true
}

/** The guards on a container whose head has just been read. */
export function isContainerAllowed(cursor: Cursor, count: number, depth: number): boolean {
  if (depth > MAX_DEPTH) return fail(cursor, 'frame-over-guard', 'nested too deeply') > 0
  if (count > MAX_ELEMENTS) return fail(cursor, 'frame-over-guard', 'too many elements') > 0
  return true
}

/**
 * Takes the next key of a map: text, after `lastAt` in the order (length, bytes), which also means unlike it.
 * Pass -1 as `lastAt` for the first key. Returns where the key starts and leaves its length in `arg`, or -1.
 */
export function readKey(cursor: Cursor, lastAt: number, lastLength: number): number {
  const major = readHead(cursor)
  if (major < 0) return -1
  if (major !== MAJOR_TEXT) return fail(cursor, 'frame-not-canonical', 'a map key that is not text')
  const length = cursor.arg
  if (length > MAX_KEY_BYTES) return fail(cursor, 'frame-over-guard', 'a map key too long')
  const at = takeText(cursor, length)
  if (at < 0) return -1
  if (lastAt >= 0 && length <= lastLength && !isAfter(cursor.bytes, lastAt, lastLength, at, length)) {
    return fail(cursor, 'frame-not-canonical', 'map keys out of order or double')
  }
  return at
}

function isAfter(bytes: Uint8Array, lastAt: number, lastLength: number, at: number, length: number): boolean {
  if (length < lastLength) return false
  for (let i = 0; i < length; i++) {
    const difference = bytes[at + i]! - bytes[lastAt + i]!
    if (difference !== 0) return difference > 0
  }
  return false
}

/** Steps over `length` bytes of content. Returns where they start, or -1. */
export function takeLength(cursor: Cursor, length: number): number {
  const { at } = cursor
  if (length > cursor.end - at) return fail(cursor, 'frame-malformed', 'truncated')
  cursor.at = at + length
  return at
}

/** Steps over `length` bytes of text and proves that they are UTF-8. Returns where they start, or -1. */
export function takeText(cursor: Cursor, length: number): number {
  const at = takeLength(cursor, length)
  if (at >= 0 && !isValidText(cursor.bytes, at, cursor.at)) {
    return fail(cursor, 'frame-not-canonical', 'text that is not UTF-8')
  }
  return at
}

/** Takes the content of a tag whose number has just been read. Returns where the binary CID starts, its length in `arg`. */
export function takeCid(cursor: Cursor, tag: number): number {
  if (tag !== TAG_CID) {
    return fail(cursor, 'frame-not-canonical', 'a tag other than 42')
  }
  const major = readHead(cursor)
  if (major < 0) return -1
  if (major !== MAJOR_BYTES) return fail(cursor, 'frame-not-canonical', 'a CID that is not bytes')
  const length = cursor.arg
  if (length > MAX_CID_BYTES + 1) return fail(cursor, 'frame-over-guard', 'a CID too long')
  const at = takeLength(cursor, length)
  if (at < 0) return -1
  if (length < 2 || cursor.bytes[at] !== 0)
    return fail(cursor, 'frame-not-canonical', 'a CID without its prefix')
  cursor.arg = length - 1
  return at + 1
}
