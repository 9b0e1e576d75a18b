import { CID_BYTES } from '@bgs/protocol/drisl/cid.ts'

/** `{roots: [CID], version: 1}` up to the CID and behind it, and the length in front (RE, CAR version 1). */
const HEAD = Buffer.from('3aa265726f6f747381d82a582500', 'hex')
const TAIL = Buffer.concat([Buffer.from([0x67]), Buffer.from('version'), Buffer.from([1])])

/**
 * The block of one CID (36 bytes as latin1) in a CAR at `bytes[at, end)` that a verifier has found right; undefined
 * where it is not there. Hashes nothing.
 */
export function blockIn(bytes: Uint8Array, at: number, end: number, cid: string): Uint8Array | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let section = readLength(bytes, at)
  let next = section.at + section.length
  while (next < end) {
    section = readLength(bytes, next)
    next = section.at + section.length
    if (next > end || section.length < CID_BYTES) return undefined
    const dataAt = section.at + CID_BYTES
    if (view.toString('latin1', section.at, dataAt) === cid) return bytes.subarray(dataAt, next)
  }
  return undefined
}

/** A CAR that holds this block alone, as its root. */
export function carOf(cid: string, block: Uint8Array): Uint8Array {
  const key = Buffer.from(cid, 'latin1')
  return Buffer.concat([HEAD, key, TAIL, lengthOf(key.length + block.length), key, block])
}

function readLength(bytes: Uint8Array, start: number): { length: number; at: number } {
  let length = 0
  let at = start
  for (let shift = 0; at < bytes.length && shift <= 21; shift += 7) {
    const byte = bytes[at++] as number
    length |= (byte & 127) << shift
    if (byte < 0x80) break
  }
  return { length, at }
}

function lengthOf(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 127) | 128)
  bytes.push(left)
  return Buffer.from(bytes)
}
