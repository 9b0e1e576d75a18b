import { isDrislCid, isSha256Cid } from '../drisl/cid.ts'
import {
  BYTE_FALSE,
  BYTE_NULL,
  BYTE_TRUE,
  type Cursor,
  MAJOR_BYTES,
  MAJOR_TAG,
  MAJOR_TEXT,
  MAJOR_UINT,
  peekMajor,
  readHead,
} from '../drisl/cursor.ts'
import { skipStrict, takeCid, takeLength } from '../drisl/skip.ts'
import { takeString } from './head.ts'
import type { MapEntryPlace } from './without-entries.ts'

/**
 * A scan in progress. A field of the wrong type is noted in `wrong` (the first one) and the scan goes on, so that a
 * rejection can still name `seq` and DID and so that a fault of the CBOR itself takes precedence.
 */
export type Scan = {
  cursor: Cursor
  wrong: string
  did: string
  seq: number
  seqAt: number
  seqEnd: number
  time: string | null
  /** Where the payload's map begins. */
  payloadAt: number
  /** Optional fields that are null; undefined: there is none, as nearly always. */
  nulls: MapEntryPlace[] | undefined
}

/** Depth of a value in the payload map, which itself is 1. */
const VALUE_DEPTH = 2

/** Notes a field of the wrong type and steps over its value, strictly as over any other. */
function takeWrong(scan: Scan, field: string, depth: number): void {
  if (scan.wrong === '') scan.wrong = field
  skipStrict(scan.cursor, depth)
}

export function takeText(scan: Scan, field: string, depth = VALUE_DEPTH): string | null {
  if (peekMajor(scan.cursor) === MAJOR_TEXT) return takeString(scan.cursor)
  takeWrong(scan, field, depth)
  return null
}

/** A text that may be null or left out: null for both. */
export function takeNullableText(scan: Scan, field: string): string | null {
  return takeNull(scan.cursor) ? null : takeText(scan, field)
}

export function takeBool(scan: Scan, field: string): boolean | null {
  const { cursor } = scan
  const byte = cursor.at < cursor.end ? cursor.bytes[cursor.at] : undefined
  if (byte === BYTE_FALSE || byte === BYTE_TRUE) {
    cursor.at++
    return byte === BYTE_TRUE
  }
  takeWrong(scan, field, VALUE_DEPTH)
  return null
}

/** Bytes: where their content starts, -1 when they are none. They end at the cursor. */
export function takeBytes(scan: Scan, field: string): number {
  const { cursor } = scan
  if (peekMajor(cursor) === MAJOR_BYTES) {
    return readHead(cursor) < 0 ? -1 : takeLength(cursor, cursor.arg)
  }
  takeWrong(scan, field, VALUE_DEPTH)
  return -1
}

/** A CID of 36 bytes, or null where that is allowed: where it starts, -1 for null. `isDrisl` asks for codec 0x71. */
export function takeNullableCid(scan: Scan, field: string, isDrisl: boolean, depth = VALUE_DEPTH): number {
  const { cursor } = scan
  if (takeNull(cursor)) return -1
  if (peekMajor(cursor) !== MAJOR_TAG) {
    takeWrong(scan, field, depth)
    return -1
  }
  if (readHead(cursor) < 0) return -1
  const at = takeCid(cursor, cursor.arg)
  if (at < 0) return -1
  const isRight = isDrisl
    ? isDrislCid(cursor.bytes, at, cursor.arg)
    : isSha256Cid(cursor.bytes, at, cursor.arg)
  if (isRight) return at
  if (scan.wrong === '') scan.wrong = field
  return -1
}

/** `seq` with the place of its int (protocol.md Q1). */
export function takeSeqField(scan: Scan): void {
  const { cursor } = scan
  const { at } = cursor
  if (peekMajor(cursor) !== MAJOR_UINT) {
    takeWrong(scan, 'seq', VALUE_DEPTH)
    return
  }
  if (readHead(cursor) < 0) return
  if (cursor.arg >= 1 && Number.isSafeInteger(cursor.arg)) {
    scan.seq = cursor.arg
    scan.seqAt = at
    scan.seqEnd = cursor.at
  } else if (scan.wrong === '') scan.wrong = 'seq'
}

/**
 * Notes an optional field that is null, which is the same as none to whoever writes it; `at` is its key's text, of less
 * than 24 bytes, and `mapAt` the map that it is in. Call it before its value is taken.
 */
export function noteIfNull(scan: Scan, mapAt: number, at: number): void {
  const { cursor } = scan
  if (cursor.bytes[cursor.at] !== BYTE_NULL || cursor.at >= cursor.end) return
  scan.nulls ??= []
  scan.nulls.push({ mapAt, at: at - 1, end: cursor.at + 1 })
}

function takeNull(cursor: Cursor): boolean {
  if (cursor.at >= cursor.end || cursor.bytes[cursor.at] !== BYTE_NULL) return false
  cursor.at++
  return true
}
