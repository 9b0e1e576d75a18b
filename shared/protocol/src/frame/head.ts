import {
  type Cursor,
  MAJOR_TEXT,
  MAJOR_UINT,
  newCursor,
  openCursor,
  peekMajor,
  readHead,
} from '../drisl/cursor.ts'
import { readKey, takeText } from '../drisl/skip.ts'
import { skipQuick } from '../drisl/skip-quick.ts'
import { isTextAt, textAt } from '../drisl/text.ts'
import { readHeader, readMap } from './header.ts'
import { type Rejection, reject } from './rejection.ts'

/** The messages that a relay knows; every other `t` or `op` is 'unknown' (protocol.md W3), `op` -1 is 'error'. */
export type FrameType = '#commit' | '#sync' | '#identity' | '#account' | '#info' | 'unknown' | 'error'

/**
 * A first look at a frame: enough to route it, no proof of anything. `did` is '' and `seq` -1 where the frame has
 * none; `errorName` is set for an error frame.
 */
export type FrameHead = {
  kind: 'head'
  op: number
  type: FrameType
  did: string
  seq: number
  errorName?: string
}

/** The limit of one message, all encoding included (protocol.md W7). */
export const MAX_FRAME_BYTES = 5_000_000

const KNOWN_TYPES: ReadonlySet<string> = new Set(['#commit', '#sync', '#identity', '#account', '#info'])
const shared = newCursor()

/** The type that a header stands for. */
export function frameType(op: number, t: string): FrameType {
  if (op === -1) return 'error'
  return op === 1 && KNOWN_TYPES.has(t) ? (t as FrameType) : 'unknown'
}

/**
 * Reads the header and the payload up to its `seq` and its DID, without proving what lies between. The crawler needs
 * no more; the verifier scans the frame strictly. Never reads past the end and never throws.
 */
export function scanHead(frame: Uint8Array): FrameHead | Rejection {
  if (frame.length > MAX_FRAME_BYTES) return reject('frame-too-large', `${frame.length} bytes`)
  const cursor = openCursor(shared, frame)
  const header = readHeader(cursor)
  if (header === null) return rejectFault(cursor, -1, '')
  const { op } = header
  if (op === 0) return reject('frame-fields', 'op')
  const type = frameType(op, header.t)
  const head: FrameHead = { kind: 'head', op, type, did: '', seq: -1 }
  if (op !== 1 && op !== -1) return head
  if (op === 1 && header.t === '') return reject('frame-fields', 't')
  const count = readMap(cursor, 'the payload is not a map')
  if (count < 0) return rejectFault(cursor, -1, '')
  if (type === '#info') return head
  return type === 'error' ? lookForError(cursor, count, head) : lookForDidAndSeq(cursor, count, head)
}

/** The rejection for the fault that the cursor holds. */
export function rejectFault(cursor: Cursor, seq: number, did: string): Rejection {
  return reject(cursor.fault ?? 'frame-malformed', `${cursor.detail} at byte ${cursor.at}`, seq, did)
}

function lookForDidAndSeq(cursor: Cursor, count: number, head: FrameHead): FrameHead | Rejection {
  const didKey = head.type === '#commit' ? 'repo' : 'did'
  let keyAt = -1
  let keyLength = 0
  for (let i = 0; i < count && (head.did === '' || head.seq < 0); i++) {
    keyAt = readKey(cursor, keyAt, keyLength)
    if (keyAt < 0) return rejectFault(cursor, head.seq, head.did)
    keyLength = cursor.arg
    const isSeq = isTextAt(cursor.bytes, keyAt, keyLength, 'seq')
    const isDid = !isSeq && isTextAt(cursor.bytes, keyAt, keyLength, didKey)
    const major = peekMajor(cursor)
    if (isSeq && major === MAJOR_UINT) head.seq = takeSeq(cursor)
    else if (isDid && major === MAJOR_TEXT) head.did = takeString(cursor)
    else skipQuick(cursor)
    if (cursor.fault !== null) return rejectFault(cursor, head.seq, head.did)
    if (head.type === 'unknown') continue
    if (isSeq && head.seq < 0) return reject('frame-fields', 'seq', -1, head.did)
    if (isDid && major !== MAJOR_TEXT) return reject('frame-fields', didKey, head.seq)
  }
  return head
}

function lookForError(cursor: Cursor, count: number, head: FrameHead): FrameHead | Rejection {
  let keyAt = -1
  let keyLength = 0
  head.errorName = ''
  for (let i = 0; i < count; i++) {
    keyAt = readKey(cursor, keyAt, keyLength)
    if (keyAt < 0) return rejectFault(cursor, -1, '')
    keyLength = cursor.arg
    const isName = isTextAt(cursor.bytes, keyAt, keyLength, 'error') && peekMajor(cursor) === MAJOR_TEXT
    if (isName) head.errorName = takeString(cursor)
    else skipQuick(cursor)
    if (cursor.fault !== null) return rejectFault(cursor, -1, '')
  }
  return head
}

/** Takes an int that is known to come next as a `seq`: 1 to 2^53-1 (protocol.md Q1), or -1. */
function takeSeq(cursor: Cursor): number {
  if (readHead(cursor) < 0) return -1
  return cursor.arg >= 1 && Number.isSafeInteger(cursor.arg) ? cursor.arg : -1
}

/** Takes a text that is known to come next. '' on a fault. */
export function takeString(cursor: Cursor): string {
  if (readHead(cursor) < 0) return ''
  const at = takeText(cursor, cursor.arg)
  return at < 0 ? '' : textAt(cursor.bytes, at, cursor.at)
}
