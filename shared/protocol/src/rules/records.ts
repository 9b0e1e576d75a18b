import { isCborMap } from '../drisl/skip-quick.ts'
import type { Op } from '../frame/frame.ts'
import { type Car, findBlock } from '../repo/car.ts'
import { type Fault, fault } from '../repo/fault.ts'

const MAX_RECORD_BYTES = 1_000_000

/** Each created or updated record is among the blocks, a CBOR map of at most 1,000,000 bytes (protocol.md C11). */
export function verifyRecords(car: Car, ops: readonly Op[]): Fault | null {
  for (const op of ops) {
    if (op.cidAt < 0) continue
    const block = findBlock(car, car.bytes, op.cidAt)
    if (block < 0) return fault('record-missing', op.path)
    const at = car.dataAt[block]!
    const end = car.dataEnd[block]!
    if (end - at > MAX_RECORD_BYTES) return fault('record-size', `${end - at} bytes: ${op.path}`)
    if (!isCborMap(car.bytes, at, end)) return fault('record-not-map', op.path)
  }
  return null
}
