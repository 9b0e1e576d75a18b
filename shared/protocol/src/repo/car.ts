import { randomInt } from 'node:crypto'
import { CID_BYTES, DIGEST_AT, equalCids, isSha256Cid } from '../drisl/cid.ts'
import { readCarHeader } from './car-header.ts'
import { type Fault, fault } from './fault.ts'
import { isDigestAt, sha256 } from './sha256.ts'

/**
 * A CAR as offsets in `bytes`: block i has its CID (36 bytes) at `cidAt[i]` and its content in
 * `[dataAt[i], dataEnd[i])`. `rootAt` is the first root. `slots` finds a block by its digest (index + 1, 0 is free).
 */
export type Car = {
  kind: 'car'
  bytes: Uint8Array
  rootAt: number
  cidAt: number[]
  dataAt: number[]
  dataEnd: number[]
  slots: Int32Array
}

/** More blocks than that no commit has (protocol.md C6). */
export const MAX_BLOCKS = 10_000

/** Keeps a sender from choosing digests that fall into one slot. */
const saltA = randomInt(0x1_0000_0000)
const saltB = randomInt(0x1_0000_0000) | 1
const saltC = randomInt(0x1_0000_0000) | 1

/**
 * Reads `bytes[at, end)` as CAR version 1 and hashes every block (C6). Blocks in any order, double, unneeded, and more
 * roots than one are all fine.
 */
export function readCar(bytes: Uint8Array, at: number, end: number): Car | Fault {
  const header = readCarHeader(bytes, at, end)
  if (header.kind === 'fault') return header
  const cidAt: number[] = []
  const dataAt: number[] = []
  const dataEnd: number[] = []
  let i = header.end
  while (i < end) {
    if (cidAt.length === MAX_BLOCKS) return fault('car-block-count', `more than ${MAX_BLOCKS} blocks`)
    let length = bytes[i++]!
    if (length >= 0x80) {
      length &= 127
      for (let shift = 7; ; shift += 7) {
        if (i >= end || shift > 21) return fault('car-malformed', 'a block length that is none')
        const byte = bytes[i++]!
        length |= (byte & 127) << shift
        if (byte < 0x80) break
      }
    }
    if (length > end - i) return fault('car-malformed', 'the last block is truncated')
    if (length < CID_BYTES || !isSha256Cid(bytes, i, CID_BYTES)) {
      return fault('car-malformed', 'a block without a CID of version 1 and sha2-256')
    }
    const next = i + length
    if (!isDigestAt(sha256(bytes, i + CID_BYTES, next), bytes, i + DIGEST_AT)) {
      return fault('car-block-hash', `block ${cidAt.length} does not hash to its CID`)
    }
    cidAt.push(i)
    dataAt.push(i + CID_BYTES)
    dataEnd.push(next)
    i = next
  }
  const car: Car = { kind: 'car', bytes, rootAt: header.rootAt, cidAt, dataAt, dataEnd, slots: NO_SLOTS }
  indexBlocks(car)
  return car
}

const NO_SLOTS = new Int32Array(0)

function indexBlocks(car: Car): void {
  const count = car.cidAt.length
  const slots = new Int32Array(1 << (33 - Math.clz32(count | 1)))
  const mask = slots.length - 1
  for (let block = 0; block < count; block++) {
    let slot = slotOf(car.bytes, car.cidAt[block]!) & mask
    while (
      slots[slot] !== 0 &&
      !equalCids(car.bytes, car.cidAt[slots[slot]! - 1]!, car.bytes, car.cidAt[block]!)
    ) {
      slot = (slot + 1) & mask
    }
    if (slots[slot] === 0) slots[slot] = block + 1
  }
  car.slots = slots
}

/** The block of the CID of 36 bytes at `cid[at]`, or -1. Of double blocks always the first. */
export function findBlock(car: Car, cid: Uint8Array, at: number): number {
  const { slots } = car
  const mask = slots.length - 1
  let slot = slotOf(cid, at) & mask
  while (slots[slot] !== 0) {
    const block = slots[slot]! - 1
    if (equalCids(car.bytes, car.cidAt[block]!, cid, at)) return block
    slot = (slot + 1) & mask
  }
  return -1
}

function slotOf(cid: Uint8Array, at: number): number {
  const i = at + DIGEST_AT
  const a = (cid[i]! << 24) | (cid[i + 1]! << 16) | (cid[i + 2]! << 8) | cid[i + 3]!
  const b = (cid[i + 4]! << 24) | (cid[i + 5]! << 16) | (cid[i + 6]! << 8) | cid[i + 7]!
  const mixed = Math.imul(a ^ saltA, saltB) + Math.imul(b, saltC)
  return mixed ^ (mixed >>> 15)
}
