import { newCursor, openCursor } from '../drisl/cursor.ts'
import { skipStrict } from '../drisl/skip.ts'
import type { Scan } from './fields.ts'
import type { Frame } from './frame.ts'
import { type FrameType, frameType, MAX_FRAME_BYTES, rejectFault, scanHead } from './head.ts'
import { readHeader, readMap } from './header.ts'
import { type Rejection, reject } from './rejection.ts'
import { scanCommit } from './scan-commit.ts'
import { scanAccount, scanError, scanIdentity, scanInfo, scanSync, scanUnknown } from './scan-message.ts'

export { scanHead }

const shared = newCursor()

/**
 * Scans a whole frame strictly (protocol.md W1-W7): exactly two DRISL maps that fill it, every byte proved, the known
 * fields typed and the rest passed over. A rejection still names `seq` and DID where they could be read. Never throws
 * and never reads past the end; the frame keeps its bytes, nothing is copied out of it but short texts.
 */
export function scanFrame(frame: Uint8Array): Frame | Rejection {
  if (frame.length > MAX_FRAME_BYTES) return reject('frame-too-large', `${frame.length} bytes`)
  const cursor = openCursor(shared, frame)
  const scan: Scan = {
    cursor,
    wrong: '',
    did: '',
    seq: -1,
    seqAt: -1,
    seqEnd: -1,
    time: null,
    payloadAt: -1,
    nulls: undefined,
  }
  const header = readHeader(cursor)
  if (header === null) return rejectFault(cursor, -1, '')
  const { op, t } = header
  const type = frameType(op, t)
  const result = scanPayload(scan, type, op, t)
  if (cursor.fault === null && cursor.at !== cursor.end) {
    return reject('frame-malformed', 'bytes after the payload', scan.seq, scan.did)
  }
  if (cursor.fault !== null) return rejectBroken(frame, scan)
  if (op === 0) return reject('frame-fields', 'op')
  if (op === 1 && t === '') return reject('frame-fields', 't', scan.seq, scan.did)
  if (type === 'unknown' || type === 'error' || type === '#info') {
    return result ?? reject('frame-fields', scan.wrong)
  }
  if (scan.wrong === '' && scan.seq < 0) scan.wrong = 'seq'
  if (scan.wrong === '' && scan.did === '') scan.wrong = type === '#commit' ? 'repo' : 'did'
  if (result === null || scan.wrong !== '') return reject('frame-fields', scan.wrong, scan.seq, scan.did)
  return result
}

function scanPayload(scan: Scan, type: FrameType, op: number, t: string): Frame | null {
  const { cursor } = scan
  scan.payloadAt = cursor.at
  if (op !== 1 && op !== -1) {
    skipStrict(cursor, 1)
    return { kind: 'frame', type: 'unknown', op, t, did: '', seq: -1 }
  }
  const count = readMap(cursor, 'the payload is not a map')
  if (count < 0) return null
  switch (type) {
    case '#commit':
      return scanCommit(scan, count)
    case '#sync':
      return scanSync(scan, count)
    case '#identity':
      return scanIdentity(scan, count)
    case '#account':
      return scanAccount(scan, count)
    case '#info':
      return scanInfo(scan, count)
    case 'error':
      return scanError(scan, count)
    case 'unknown':
      scanUnknown(scan, count)
      return { kind: 'frame', type: 'unknown', op, t, did: scan.did, seq: scan.seq }
  }
}

/** The rejection of broken CBOR: where the scan stopped before `seq` or DID, a first look may still find them. */
function rejectBroken(frame: Uint8Array, scan: Scan): Rejection {
  const rejection = rejectFault(scan.cursor, scan.seq, scan.did)
  if (scan.seq < 0 || scan.did === '') {
    const head = scanHead(frame)
    if (rejection.seq < 0) rejection.seq = head.seq
    if (rejection.did === '') rejection.did = head.did
  }
  return rejection
}
