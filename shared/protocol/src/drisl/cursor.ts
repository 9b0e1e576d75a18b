/**
 * Strict DRISL (deterministic CBOR, protocol.md W4 and W6) read by offsets. A cursor is made once and pointed at
 * one input after another; a fault is a field of it, never an exception, and the first fault stays.
 */
export type DrislFault = 'frame-malformed' | 'frame-not-canonical' | 'frame-over-guard'

/** `at` and `end` are offsets in `bytes`; `arg` is what the last head or key held (a value, a length, a count). */
export type Cursor = {
  bytes: Uint8Array
  at: number
  end: number
  arg: number
  fault: DrislFault | null
  detail: string
}

export const MAJOR_UINT = 0
export const MAJOR_NEGATIVE = 1
export const MAJOR_BYTES = 2
export const MAJOR_TEXT = 3
export const MAJOR_ARRAY = 4
export const MAJOR_MAP = 5
export const MAJOR_TAG = 6
const MAJOR_SIMPLE = 7

/** The whole byte of the three simple values that DRISL has. */
export const BYTE_FALSE = 0xf4
export const BYTE_TRUE = 0xf5
export const BYTE_NULL = 0xf6

const NOTHING = new Uint8Array(0)

export function newCursor(): Cursor {
  return { bytes: NOTHING, at: 0, end: 0, arg: 0, fault: null, detail: '' }
}

/** Points the cursor at `bytes[at, end)`; nothing outside is ever read. */
export function openCursor(cursor: Cursor, bytes: Uint8Array, at = 0, end = bytes.length): Cursor {
  cursor.bytes = bytes
  cursor.at = at
  cursor.end = end
  cursor.arg = 0
  cursor.fault = null
  cursor.detail = ''
  return cursor
}

/** Keeps the first fault and returns -1, what the readers below give for "no". */
export function fail(cursor: Cursor, fault: DrislFault, detail: string): -1 {
  if (cursor.fault === null) {
    cursor.fault = fault
    cursor.detail = detail
  }
  return -1
}

/** The major type of the next item without taking it, or -1 at the end. */
export function peekMajor(cursor: Cursor): number {
  return cursor.at < cursor.end ? cursor.bytes[cursor.at]! >> 5 : -1
}

/**
 * Takes one head. Returns the major type and leaves the argument in `arg` (a double: exact up to 2^53), or -1.
 * Shortest form only; of the simple values only false, true and null.
 */
export function readHead(cursor: Cursor): number {
  const { bytes, at, end } = cursor
  if (at >= end) return fail(cursor, 'frame-malformed', 'truncated')
  const first = bytes[at]!
  const info = first & 31
  if (first < 0xe0) {
    if (info < 24) {
      cursor.arg = info
      cursor.at = at + 1
      return first >> 5
    }
    return readLongHead(cursor, first, info)
  }
  if (first < BYTE_FALSE || first > BYTE_NULL) return failSimple(cursor, info)
  cursor.arg = info
  cursor.at = at + 1
  return MAJOR_SIMPLE
}

function readLongHead(cursor: Cursor, first: number, info: number): number {
  const { bytes, end } = cursor
  const at = cursor.at + 1
  if (info > 27) {
    const what = info === 31 && first >> 5 > MAJOR_NEGATIVE ? 'indefinite length' : 'reserved length'
    return fail(cursor, 'frame-malformed', what)
  }
  const size = 1 << (info - 24)
  if (end - at < size) return fail(cursor, 'frame-malformed', 'truncated')
  let arg: number
  let least: number
  if (info === 24) {
    arg = bytes[at]!
    least = 24
  } else if (info === 25) {
    arg = (bytes[at]! << 8) | bytes[at + 1]!
    least = 0x100
  } else {
    arg = readUint32(bytes, at)
    least = 0x10000
    if (info === 27) {
      arg = arg * 0x1_0000_0000 + readUint32(bytes, at + 4)
      least = 0x1_0000_0000
    }
  }
  if (arg < least) return fail(cursor, 'frame-not-canonical', 'a length or number not in shortest form')
  cursor.arg = arg
  cursor.at = at + size
  return first >> 5
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function failSimple(cursor: Cursor, info: number): -1 {
  if (info === 31) return fail(cursor, 'frame-malformed', 'a break outside of anything')
  if (info > 27) return fail(cursor, 'frame-malformed', 'reserved length')
  const size = info < 24 ? 0 : 1 << (info - 24)
  if (cursor.end - cursor.at <= size) return fail(cursor, 'frame-malformed', 'truncated')
  return fail(cursor, 'frame-not-canonical', info > 24 ? 'a float' : 'a simple value that DRISL has not')
}
