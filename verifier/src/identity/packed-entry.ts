import { REASON_NAMES, type Reason } from '@bgs/protocol/reasons/reason.ts'
import type { RecordSlot } from '@bgs/runtime/packed/did-cache.ts'
import type { CacheEntry } from './cache-entry.ts'

/**
 * What the cache keeps of a DID, as bytes:
 *
 *   u8 form, f64 when the look-up began,
 *   REFUSED: u16 number of the reason
 *   else u16 length of each text, then all of them, of characters of one byte (LATIN1) or two (UTF-16)
 */
const REFUSED = 0
const LATIN1 = 1
const UTF16 = 2
const STARTED_AT = 1
const HEAD_BYTES = 9
const TEXT_AT = HEAD_BYTES + 2 * 5

/** Twice what names and keys of the lengths that the protocol allows can take. */
const MAX_BYTES = 2_048
const scratch = Buffer.alloc(MAX_BYTES)

/** What `packEntry` wrote last. */
export const packed: Uint8Array = scratch

/** Packs an entry into `packed`; returns how many bytes it takes, 0 for one that would take too many. */
export function packEntry({ found, startedMs }: CacheEntry): number {
  scratch.writeDoubleLE(startedMs, STARTED_AT)
  if (typeof found === 'string') {
    scratch[0] = REFUSED
    return scratch.writeUInt16LE(REASON_NAMES.indexOf(found), HEAD_BYTES)
  }
  const { keyType, keyMultibase, pdsHost, handle, digest } = found
  const texts = [keyType, keyMultibase, pdsHost, handle, digest]
  const text = texts.join('')
  const isLatin1 = isOfOneByte(text)
  if (TEXT_AT + (isLatin1 ? 1 : 2) * text.length > MAX_BYTES) return 0
  scratch[0] = isLatin1 ? LATIN1 : UTF16
  for (const [i, { length }] of texts.entries()) scratch.writeUInt16LE(length, HEAD_BYTES + 2 * i)
  return TEXT_AT + scratch.write(text, TEXT_AT, isLatin1 ? 'latin1' : 'utf16le')
}

/** When the look-up of the entry there began. */
export function packedStartedMs({ view, at }: RecordSlot): number {
  return view.getFloat64(at + STARTED_AT, true)
}

/** The entry of this DID, as it was packed. */
export function unpackEntry(did: string, slot: RecordSlot): CacheEntry {
  const { bytes, view, at } = slot
  const startedMs = packedStartedMs(slot)
  const head = at + HEAD_BYTES
  if (bytes[at] === REFUSED) return { found: REASON_NAMES[view.getUint16(head, true)] as Reason, startedMs }
  const typeEnd = view.getUint16(head, true)
  const multibaseEnd = typeEnd + view.getUint16(head + 2, true)
  const pdsHostEnd = multibaseEnd + view.getUint16(head + 4, true)
  const handleEnd = pdsHostEnd + view.getUint16(head + 6, true)
  const end = handleEnd + view.getUint16(head + 8, true)
  const textAt = at + TEXT_AT
  // One string, of which the others are parts: making one costs as much as cutting several.
  const text =
    bytes[at] === LATIN1
      ? bytes.toString('latin1', textAt, textAt + end)
      : bytes.toString('utf16le', textAt, textAt + 2 * end)
  return {
    startedMs,
    found: {
      did,
      keyType: text.slice(0, typeEnd),
      keyMultibase: text.slice(typeEnd, multibaseEnd),
      pdsHost: text.slice(multibaseEnd, pdsHostEnd),
      handle: text.slice(pdsHostEnd, handleEnd),
      digest: text.slice(handleEnd, end),
    },
  }
}

function isOfOneByte(text: string): boolean {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits |= text.charCodeAt(i)
  return bits < 256
}
