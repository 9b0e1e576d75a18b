import { isDrislCid } from '../drisl/cid.ts'
import {
  BYTE_NULL,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_TAG,
  MAJOR_TEXT,
  MAJOR_UINT,
  newCursor,
  openCursor,
  peekMajor,
  readHead,
} from '../drisl/cursor.ts'
import { readKey, skipStrict } from '../drisl/skip.ts'
import { isTextAt, textAt } from '../drisl/text.ts'
import { newWriter, writeMap } from '../drisl/writer.ts'
import { type Fault, fault } from './fault.ts'

/**
 * The commit object of a block (protocol.md C7). `dataAt` is where the 36 bytes of `data` start; the signature is
 * `[sigAt, sigEnd)`; `[mapAt, mapEnd)` are the entries, of which `[sigKeyAt, sigEnd)` is the one that is not signed.
 */
export type CommitObject = {
  kind: 'commit'
  did: string
  rev: string
  dataAt: number
  count: number
  entriesAt: number
  sigKeyAt: number
  sigAt: number
  sigEnd: number
  end: number
}

const VERSION = 3
const shared = newCursor()

/** Reads `bytes[at, end)` as a commit object: strict DRISL that fills the range, unknown fields allowed. */
export function readCommit(bytes: Uint8Array, at: number, end: number): CommitObject | Fault {
  const cursor = openCursor(shared, bytes, at, end)
  if (readHead(cursor) !== MAJOR_MAP) return fault('commit-malformed', 'not a map')
  const commit: CommitObject = {
    kind: 'commit',
    did: '',
    rev: '',
    dataAt: -1,
    count: cursor.arg,
    entriesAt: cursor.at,
    sigKeyAt: -1,
    sigAt: -1,
    sigEnd: -1,
    end,
  }
  let version = 0
  let hasPrev = false
  let keyAt = -1
  let keyLength = 0
  for (let i = 0; i < commit.count; i++) {
    const entryAt = cursor.at
    keyAt = readKey(cursor, keyAt, keyLength)
    if (keyAt < 0) break
    keyLength = cursor.arg
    const major = peekMajor(cursor)
    const isNull = major >= 0 && bytes[cursor.at] === BYTE_NULL
    if (!skipStrict(cursor, 2)) break
    const valueAt = cursor.at - cursor.arg
    if (isTextAt(bytes, keyAt, keyLength, 'did') && major === MAJOR_TEXT)
      commit.did = textAt(bytes, valueAt, cursor.at)
    else if (isTextAt(bytes, keyAt, keyLength, 'rev') && major === MAJOR_TEXT) {
      commit.rev = textAt(bytes, valueAt, cursor.at)
    } else if (isTextAt(bytes, keyAt, keyLength, 'sig') && major === MAJOR_BYTES) {
      commit.sigKeyAt = entryAt
      commit.sigAt = valueAt
      commit.sigEnd = cursor.at
    } else if (isTextAt(bytes, keyAt, keyLength, 'data') && major === MAJOR_TAG) {
      if (isDrislCid(bytes, valueAt, cursor.arg)) commit.dataAt = valueAt
    } else if (isTextAt(bytes, keyAt, keyLength, 'prev')) hasPrev = isNull || major === MAJOR_TAG
    else if (isTextAt(bytes, keyAt, keyLength, 'version') && major === MAJOR_UINT) version = cursor.arg
  }
  if (cursor.fault !== null) return fault('commit-malformed', cursor.detail)
  if (cursor.at !== end) return fault('commit-malformed', 'bytes after the map')
  if (version !== VERSION) return fault('commit-malformed', 'version is not 3')
  if (commit.did === '' || commit.rev === '') return fault('commit-malformed', 'did or rev')
  if (commit.dataAt < 0) return fault('commit-malformed', 'data')
  if (!hasPrev) return fault('commit-malformed', 'prev')
  if (commit.sigEnd <= commit.sigAt) return fault('commit-malformed', 'sig')
  return commit
}

/**
 * What was signed: the same map without `sig`, cut out of the block and given a head that counts one entry less.
 * Unknown fields stay, so a field of the future does not break signatures (C8).
 */
export function unsignedBytes(bytes: Uint8Array, commit: CommitObject): Uint8Array {
  const writer = newWriter(commit.end - commit.entriesAt + 9)
  writeMap(writer, commit.count - 1)
  const out = writer.bytes
  const before = bytes.subarray(commit.entriesAt, commit.sigKeyAt)
  const after = bytes.subarray(commit.sigEnd, commit.end)
  out.set(before, writer.at)
  out.set(after, writer.at + before.length)
  return out.subarray(0, writer.at + before.length + after.length)
}
