import { CID_BYTES } from '../drisl/cid.ts'
import { MAJOR_ARRAY, MAJOR_MAP, peekMajor, readHead } from '../drisl/cursor.ts'
import { isContainerAllowed, readKey, skipStrict } from '../drisl/skip.ts'
import { isTextAt } from '../drisl/text.ts'
import {
  noteIfNull,
  type Scan,
  takeBool,
  takeBytes,
  takeNullableCid,
  takeNullableText,
  takeSeqField,
  takeText,
} from './fields.ts'
import type { CommitFrame, Op } from './frame.ts'

/** Depth of a value in one operation: payload, list, operation, value. */
const OP_VALUE_DEPTH = 4

/** Scans the `count` entries of a #commit payload (protocol.md 2). Null when a required field is missing or wrong. */
export function scanCommit(scan: Scan, count: number): CommitFrame | null {
  const { cursor } = scan
  const { bytes } = cursor
  let ops: Op[] | null = null
  let rev: string | null = null
  // Null is a value here; a missing field is not.
  let since: string | null | undefined
  let blocksAt = -1
  let blocksEnd = -1
  let commitAt = -1
  let prevDataAt = -1
  let isTooBig = false
  let isRebase = false
  let at = -1
  let length = 0
  for (let i = 0; i < count; i++) {
    at = readKey(cursor, at, length)
    if (at < 0) return null
    length = cursor.arg
    if (isTextAt(bytes, at, length, 'ops')) ops = scanOps(scan)
    else if (isTextAt(bytes, at, length, 'rev')) rev = takeText(scan, 'rev')
    else if (isTextAt(bytes, at, length, 'seq')) takeSeqField(scan)
    else if (isTextAt(bytes, at, length, 'repo')) scan.did = takeText(scan, 'repo') ?? ''
    else if (isTextAt(bytes, at, length, 'time')) scan.time = takeText(scan, 'time')
    else if (isTextAt(bytes, at, length, 'since')) since = takeNullableText(scan, 'since')
    else if (isTextAt(bytes, at, length, 'blocks')) {
      blocksAt = takeBytes(scan, 'blocks')
      blocksEnd = cursor.at
    } else if (isTextAt(bytes, at, length, 'commit')) commitAt = takeNullableCid(scan, 'commit', true)
    else if (isTextAt(bytes, at, length, 'rebase')) isRebase = takeBool(scan, 'rebase') ?? false
    else if (isTextAt(bytes, at, length, 'tooBig')) isTooBig = takeBool(scan, 'tooBig') ?? false
    else if (isTextAt(bytes, at, length, 'prevData')) {
      noteIfNull(scan, scan.payloadAt, at)
      prevDataAt = takeNullableCid(scan, 'prevData', true)
    } else {
      // A field of former times that some still write (protocol.md, section 2).
      if (isTextAt(bytes, at, length, 'prev')) noteIfNull(scan, scan.payloadAt, at)
      skipStrict(cursor, 2)
    }
    if (cursor.fault !== null) return null
  }
  if (
    ops === null ||
    rev === null ||
    since === undefined ||
    scan.time === null ||
    blocksAt < 0 ||
    commitAt < 0
  ) {
    noteMissing(scan, {
      ops,
      rev,
      since: since === undefined ? null : 0,
      time: scan.time,
      blocks: blocksAt < 0 ? null : 0,
      commit: commitAt < 0 ? null : 0,
    })
    return null
  }
  const frame: CommitFrame = {
    kind: 'frame',
    type: '#commit',
    did: scan.did,
    seq: scan.seq,
    seqAt: scan.seqAt,
    seqEnd: scan.seqEnd,
    rev,
    since,
    time: scan.time,
    prevData: prevDataAt < 0 ? null : bytes.subarray(prevDataAt, prevDataAt + CID_BYTES),
    commit: bytes.subarray(commitAt, commitAt + CID_BYTES),
    blocksAt,
    blocksEnd,
    tooBig: isTooBig,
    rebase: isRebase,
    ops,
  }
  if (scan.nulls !== undefined) frame.nulls = scan.nulls
  return frame
}

/** Notes the first field that is missing, for the rejection's detail. */
export function noteMissing(scan: Scan, fields: Record<string, unknown>): void {
  if (scan.wrong !== '') return
  for (const field in fields) {
    if (fields[field] === null) {
      scan.wrong = field
      return
    }
  }
}

function scanOps(scan: Scan): Op[] | null {
  const { cursor } = scan
  if (peekMajor(cursor) !== MAJOR_ARRAY) {
    if (scan.wrong === '') scan.wrong = 'ops'
    skipStrict(cursor, 2)
    return null
  }
  if (readHead(cursor) < 0 || !isContainerAllowed(cursor, cursor.arg, 2)) return null
  const count = cursor.arg
  const ops: Op[] = []
  for (let i = 0; i < count; i++) {
    const op = scanOp(scan)
    if (cursor.fault !== null) return null
    if (op !== null) ops.push(op)
  }
  return ops
}

function scanOp(scan: Scan): Op | null {
  const { cursor } = scan
  const { bytes } = cursor
  if (peekMajor(cursor) !== MAJOR_MAP) {
    if (scan.wrong === '') scan.wrong = 'ops'
    skipStrict(cursor, 3)
    return null
  }
  const mapAt = cursor.at
  if (readHead(cursor) < 0 || !isContainerAllowed(cursor, cursor.arg, 3)) return null
  const count = cursor.arg
  let action: string | null = null
  let path: string | null = null
  let pathAt = -1
  let pathEnd = -1
  let cidAt = -1
  let prevAt = -1
  let at = -1
  let length = 0
  for (let i = 0; i < count; i++) {
    at = readKey(cursor, at, length)
    if (at < 0) return null
    length = cursor.arg
    if (isTextAt(bytes, at, length, 'cid')) cidAt = takeNullableCid(scan, 'ops.cid', false, OP_VALUE_DEPTH)
    else if (isTextAt(bytes, at, length, 'path')) {
      path = takeText(scan, 'ops.path', OP_VALUE_DEPTH)
      pathEnd = cursor.at
      pathAt = pathEnd - cursor.arg
    } else if (isTextAt(bytes, at, length, 'prev')) {
      noteIfNull(scan, mapAt, at)
      prevAt = takeNullableCid(scan, 'ops.prev', false, OP_VALUE_DEPTH)
    } else if (isTextAt(bytes, at, length, 'action')) action = takeText(scan, 'ops.action', OP_VALUE_DEPTH)
    else skipStrict(cursor, OP_VALUE_DEPTH)
    if (cursor.fault !== null) return null
  }
  if (action === null || path === null) {
    noteMissing(scan, { 'ops.action': action, 'ops.path': path })
    return null
  }
  return { action, path, pathAt, pathEnd, cidAt, prevAt }
}
