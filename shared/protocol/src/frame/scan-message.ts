import type { Cursor } from '../drisl/cursor.ts'
import { readKey, skipStrict } from '../drisl/skip.ts'
import { isTextAt } from '../drisl/text.ts'
import {
  noteIfNull,
  type Scan,
  takeBool,
  takeBytes,
  takeNullableText,
  takeSeqField,
  takeText,
} from './fields.ts'
import type { AccountFrame, ErrorFrame, IdentityFrame, InfoFrame, SyncFrame } from './frame.ts'
import { noteMissing } from './scan-commit.ts'
import type { MapEntryPlace } from './without-entries.ts'

type Take = (at: number, length: number) => boolean

/** Walks the `count` entries of a map; `take` takes the value of a key it knows. False on a fault of the CBOR. */
function walk(cursor: Cursor, count: number, take: Take): boolean {
  let at = -1
  let length = 0
  for (let i = 0; i < count; i++) {
    at = readKey(cursor, at, length)
    if (at < 0) return false
    length = cursor.arg
    if (!take(at, length)) skipStrict(cursor, 2)
    if (cursor.fault !== null) return false
  }
  return true
}

/** The fields that all but #commit share. */
function takeCommon(scan: Scan, at: number, length: number): boolean {
  const { bytes } = scan.cursor
  if (isTextAt(bytes, at, length, 'did')) scan.did = takeText(scan, 'did') ?? ''
  else if (isTextAt(bytes, at, length, 'seq')) takeSeqField(scan)
  else if (isTextAt(bytes, at, length, 'time')) scan.time = takeText(scan, 'time')
  else return false
  return true
}

function message(scan: Scan) {
  const { did, seq, seqAt, seqEnd, nulls } = scan
  const head = { kind: 'frame' as const, did, seq, seqAt, seqEnd, time: scan.time ?? '' }
  return nulls === undefined ? head : { ...head, nulls }
}

export function scanSync(scan: Scan, count: number): SyncFrame | null {
  const { cursor } = scan
  let rev: string | null = null
  let blocksAt = -1
  let blocksEnd = -1
  const isWhole = walk(cursor, count, (at, length) => {
    if (isTextAt(cursor.bytes, at, length, 'rev')) rev = takeText(scan, 'rev')
    else if (isTextAt(cursor.bytes, at, length, 'blocks')) {
      blocksAt = takeBytes(scan, 'blocks')
      blocksEnd = cursor.at
    } else return takeCommon(scan, at, length)
    return true
  })
  if (!isWhole) return null
  if (rev === null || blocksAt < 0 || scan.time === null) {
    noteMissing(scan, { rev, blocks: blocksAt < 0 ? null : 0, time: scan.time })
    return null
  }
  return { ...message(scan), type: '#sync', rev, blocksAt, blocksEnd }
}

export function scanIdentity(scan: Scan, count: number): IdentityFrame | null {
  const { cursor } = scan
  const mapAt = scan.payloadAt
  let handle: string | null = null
  let handlePlace: MapEntryPlace | undefined
  const isWhole = walk(cursor, count, (at, length) => {
    if (!isTextAt(cursor.bytes, at, length, 'handle')) return takeCommon(scan, at, length)
    noteIfNull(scan, mapAt, at)
    handle = takeNullableText(scan, 'handle')
    handlePlace = { mapAt, at: at - 1, end: cursor.at }
    return true
  })
  if (!isWhole) return null
  if (scan.time === null) {
    noteMissing(scan, { time: null })
    return null
  }
  const frame: IdentityFrame = { ...message(scan), type: '#identity' }
  if (handlePlace !== undefined) frame.handlePlace = handlePlace
  if (handle !== null) frame.handle = handle
  return frame
}

export function scanAccount(scan: Scan, count: number): AccountFrame | null {
  const { cursor } = scan
  let active: boolean | null = null
  let status: string | null = null
  const isWhole = walk(cursor, count, (at, length) => {
    if (isTextAt(cursor.bytes, at, length, 'active')) active = takeBool(scan, 'active')
    else if (isTextAt(cursor.bytes, at, length, 'status')) {
      noteIfNull(scan, scan.payloadAt, at)
      status = takeNullableText(scan, 'status')
    } else return takeCommon(scan, at, length)
    return true
  })
  if (!isWhole) return null
  if (active === null || scan.time === null) {
    noteMissing(scan, { active, time: scan.time })
    return null
  }
  const frame: AccountFrame = { ...message(scan), type: '#account', active }
  if (status !== null) frame.status = status
  return frame
}

export function scanInfo(scan: Scan, count: number): InfoFrame | null {
  const [name, text] = takeNameAndMessage(scan, count, 'name')
  if (scan.cursor.fault !== null) return null
  if (name === null) {
    noteMissing(scan, { name })
    return null
  }
  return { kind: 'frame', type: '#info', name, message: text ?? '' }
}

export function scanError(scan: Scan, count: number): ErrorFrame | null {
  const [error, text] = takeNameAndMessage(scan, count, 'error')
  if (scan.cursor.fault !== null) return null
  return { kind: 'frame', type: 'error', error: error ?? '', message: text ?? '' }
}

function takeNameAndMessage(scan: Scan, count: number, key: string): [string | null, string | null] {
  const { cursor } = scan
  let name: string | null = null
  let text: string | null = null
  walk(cursor, count, (at, length) => {
    if (isTextAt(cursor.bytes, at, length, key)) name = takeText(scan, key)
    else if (isTextAt(cursor.bytes, at, length, 'message')) text = takeNullableText(scan, 'message')
    else return false
    return true
  })
  return [name, text]
}

/** `did` and `seq` of a message that is to be passed over, as far as they are what they look like. */
export function scanUnknown(scan: Scan, count: number): void {
  const { cursor } = scan
  walk(cursor, count, (at, length) => takeCommon(scan, at, length))
}
