import type { LocalStatus } from '@bgs/contract/envelope/status.ts'
import type { RecordSlot } from '@bgs/runtime/packed/did-cache.ts'
import type { StringTable } from '@bgs/runtime/packed/string-table.ts'
import { type Account, type HostPosition, MAX_POSITIONS } from './account.ts'

/**
 * An account as bytes, all but its DID, whether it is dirty, and what only the view keeps (pendingCommit, untilMs): what nearly all have takes 151 of them, and anything
 * else takes more.
 *
 *   u16 flags, u8 upstream, u8 local, f64 first seq, f64 raw offset, u32 host,
 *   u32 raw generation, u16 version, u16 discontinuous (WIDE: three f64),
 *   u32 epoch, f64 seq of the one position, that of its host (MANY: u16 count, count x { u32 host, f64 epoch, f64 seq }),
 *   rev 13, commit 36, data 36, digest 22 characters of a byte each, those that the flags name,
 *   u32 length and UTF-16 of each text that is none of these, in the same order; then upstream and local
 */
const WIDE = 1
const MANY = 2
/** Two bits for each of four texts: as usual, null, or any other. */
const REV_BITS = 2
const COMMIT_BITS = 4
const DATA_BITS = 6
const DIGEST_BITS = 8
const SYNCED = 1_024
const USUAL = 0
const NULL = 1
const OTHER = 2
const REV_LENGTH = 13
const CID_LENGTH = 36
const DIGEST_LENGTH = 22

const FIRST_SEQ_AT = 4
const RAW_OFFSET_AT = 12
const HOST_AT = 20
const COUNTERS_AT = 24
const OTHER_WORD = 255

const UPSTREAM = [
  'active',
  'inactive',
  'deactivated',
  'deleted',
  'takendown',
  'suspended',
  'desynchronized',
  'throttled',
  'active:desynchronized',
  'active:throttled',
]
const LOCAL: readonly string[] = [
  'active',
  'takendown',
  'suspended',
  'throttled',
  'throttled:conduct',
] satisfies LocalStatus[]

/** Bytes that an account is packed into at most: one that would take more is not packed. */
const MAX_BYTES = 65_536
const scratch = Buffer.alloc(MAX_BYTES)
const scratchView = new DataView(scratch.buffer, scratch.byteOffset, scratch.byteLength)

/** What `packAccount` wrote last. */
export const packed: Uint8Array = scratch

/** Packs an account into `packed`; returns how many bytes it takes, 0 for one that would take too many. */
export function packAccount(account: Account, hosts: StringTable): number {
  const { taken, rev, commit, data, digest, upstream, local } = account
  if (taken.length > MAX_POSITIONS) return 0
  const upstreamWord = UPSTREAM.indexOf(upstream)
  const localWord = LOCAL.indexOf(local)
  scratch[2] = upstreamWord < 0 ? OTHER_WORD : upstreamWord
  scratch[3] = localWord < 0 ? OTHER_WORD : localWord
  scratchView.setFloat64(FIRST_SEQ_AT, account.firstSeq, true)
  scratchView.setFloat64(RAW_OFFSET_AT, account.rawOffset, true)
  scratchView.setUint32(HOST_AT, hosts.numberOf(account.pdsHost), true)
  const [only] = taken
  const isOne = only !== undefined && taken.length === 1 && only.host === account.pdsHost && isU32(only.epoch)
  const isWide = !isU32(account.rawGeneration) || !isU16(account.version) || !isU16(account.discontinuous)
  let at = isWide ? packWide(account) : packNarrow(account)
  at = isOne ? packPosition(only, at) : packPositions(taken, hosts, at)
  const revForm = packText(rev, REV_LENGTH, at)
  if (revForm === USUAL) at += REV_LENGTH
  const commitForm = packText(commit, CID_LENGTH, at)
  if (commitForm === USUAL) at += CID_LENGTH
  const dataForm = packText(data, CID_LENGTH, at)
  if (dataForm === USUAL) at += CID_LENGTH
  const digestForm = packText(digest, DIGEST_LENGTH, at)
  if (digestForm === USUAL) at += DIGEST_LENGTH
  const forms =
    (revForm << REV_BITS) |
    (commitForm << COMMIT_BITS) |
    (dataForm << DATA_BITS) |
    (digestForm << DIGEST_BITS)
  scratchView.setUint16(
    0,
    (isWide ? WIDE : 0) | (isOne ? 0 : MANY) | (account.synced ? SYNCED : 0) | forms,
    true,
  )
  if (revForm === OTHER) at = packOther(rev ?? '', at)
  if (commitForm === OTHER) at = packOther(commit ?? '', at)
  if (dataForm === OTHER) at = packOther(data ?? '', at)
  if (digestForm === OTHER) at = packOther(digest, at)
  if (upstreamWord < 0) at = packOther(upstream, at)
  if (localWord < 0) at = packOther(local, at)
  return at > MAX_BYTES ? 0 : at
}

function packNarrow({ rawGeneration, version, discontinuous }: Account): number {
  scratchView.setUint32(COUNTERS_AT, rawGeneration, true)
  scratchView.setUint16(COUNTERS_AT + 4, version, true)
  scratchView.setUint16(COUNTERS_AT + 6, discontinuous, true)
  return COUNTERS_AT + 8
}

function packWide({ rawGeneration, version, discontinuous }: Account): number {
  scratchView.setFloat64(COUNTERS_AT, rawGeneration, true)
  scratchView.setFloat64(COUNTERS_AT + 8, version, true)
  scratchView.setFloat64(COUNTERS_AT + 16, discontinuous, true)
  return COUNTERS_AT + 24
}

function packPosition({ epoch, seq }: HostPosition, at: number): number {
  scratchView.setUint32(at, epoch, true)
  scratchView.setFloat64(at + 4, seq, true)
  return at + 12
}

function packPositions(taken: readonly HostPosition[], hosts: StringTable, start: number): number {
  scratchView.setUint16(start, taken.length, true)
  let at = start + 2
  for (const { host, epoch, seq } of taken) {
    scratchView.setUint32(at, hosts.numberOf(host), true)
    scratchView.setFloat64(at + 4, epoch, true)
    scratchView.setFloat64(at + 12, seq, true)
    at += 20
  }
  return at
}

/** Writes a text that is of the usual length and of characters of one byte; returns its form. */
function packText(text: string | null, length: number, at: number): number {
  if (text === null) return NULL
  if (text.length !== length) return OTHER
  let bits = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    bits |= code
    scratch[at + i] = code
  }
  return bits < 256 ? USUAL : OTHER
}

/** Writes any text; of one that is too long only that it is. */
function packOther(text: string, at: number): number {
  const end = at + 4 + 2 * text.length
  if (end > MAX_BYTES) return MAX_BYTES + 1
  scratchView.setUint32(at, text.length, true)
  scratch.write(text, at + 4, 'utf16le')
  return end
}

/** The account of this DID, as it was packed. */
export function unpackAccount(did: string, slot: RecordSlot, hosts: StringTable): Account {
  const { bytes, view } = slot
  const start = slot.at
  const flags = view.getUint16(start, true)
  const pdsHost = hosts.name(view.getUint32(start + HOST_AT, true))
  const isWide = (flags & WIDE) !== 0
  let at = start + COUNTERS_AT
  const rawGeneration = isWide ? view.getFloat64(at, true) : view.getUint32(at, true)
  const version = isWide ? view.getFloat64(at + 8, true) : view.getUint16(at + 4, true)
  const discontinuous = isWide ? view.getFloat64(at + 16, true) : view.getUint16(at + 6, true)
  at += isWide ? 24 : 8
  const taken: HostPosition[] = []
  if ((flags & MANY) === 0) {
    taken.push({ host: pdsHost, epoch: view.getUint32(at, true), seq: view.getFloat64(at + 4, true) })
    at += 12
  } else {
    const count = view.getUint16(at, true)
    at += 2
    for (let i = 0; i < count; i++, at += 20) {
      taken.push({
        host: hosts.name(view.getUint32(at, true)),
        epoch: view.getFloat64(at + 4, true),
        seq: view.getFloat64(at + 12, true),
      })
    }
  }
  const revEnd = formOf(flags, REV_BITS) === USUAL ? REV_LENGTH : 0
  const commitEnd = revEnd + (formOf(flags, COMMIT_BITS) === USUAL ? CID_LENGTH : 0)
  const dataEnd = commitEnd + (formOf(flags, DATA_BITS) === USUAL ? CID_LENGTH : 0)
  const end = dataEnd + (formOf(flags, DIGEST_BITS) === USUAL ? DIGEST_LENGTH : 0)
  // One string, of which the others are parts: making one costs as much as cutting several.
  const usual = bytes.toString('latin1', at, at + end)
  at += end
  const other = () => {
    const textAt = at + 4
    at = textAt + 2 * view.getUint32(at, true)
    return bytes.toString('utf16le', textAt, at)
  }
  const text = (bits: number, from: number, to: number) => {
    const form = formOf(flags, bits)
    return form === USUAL ? usual.slice(from, to) : form === NULL ? null : other()
  }
  const rev = text(REV_BITS, 0, revEnd)
  const commit = text(COMMIT_BITS, revEnd, commitEnd)
  const data = text(DATA_BITS, commitEnd, dataEnd)
  const digest = text(DIGEST_BITS, dataEnd, end) ?? ''
  const upstreamWord = bytes[start + 2] as number
  const localWord = bytes[start + 3] as number
  return {
    did,
    firstSeq: view.getFloat64(start + FIRST_SEQ_AT, true),
    pdsHost,
    rawGeneration,
    rawOffset: view.getFloat64(start + RAW_OFFSET_AT, true),
    taken,
    rev,
    commit,
    data,
    synced: (flags & SYNCED) !== 0,
    upstream: upstreamWord === OTHER_WORD ? other() : (UPSTREAM[upstreamWord] as string),
    local: (localWord === OTHER_WORD ? other() : LOCAL[localWord]) as LocalStatus,
    digest,
    version,
    discontinuous,
    pendingCommit: undefined,
    untilMs: undefined,
    dirty: false,
  }
}

function formOf(flags: number, bits: number): number {
  return (flags >>> bits) & 3
}

function isU32(value: number): boolean {
  return value >>> 0 === value
}

function isU16(value: number): boolean {
  return (value & 0xffff) === value
}
