import { putUint32 } from '../drisl/writer.ts'

/**
 * A sequencer writes `seq` last, into bytes that are otherwise finished: so the int of the frame becomes the longest
 * form, nine bytes, once. That is canonical only from 2^32 on, which is why every relay numbers from there.
 */
export const SEQ_SLOT_BYTES = 9
export const LEAST_SLOT_SEQ = 0x1_0000_0000

const UINT64_HEAD = 0x1b

/** The same frame with a slot of nine bytes for `seq` at `seqAt` (a copy), holding the least seq that fits it. */
export function withSeqSlot(
  frame: Uint8Array,
  seqAt: number,
  seqEnd: number,
): { frame: Uint8Array; seqAt: number } {
  const slotted = new Uint8Array(frame.length - (seqEnd - seqAt) + SEQ_SLOT_BYTES)
  slotted.set(frame.subarray(0, seqAt))
  writeSeq(slotted, seqAt, LEAST_SLOT_SEQ)
  slotted.set(frame.subarray(seqEnd), seqAt + SEQ_SLOT_BYTES)
  return { frame: slotted, seqAt }
}

/** Writes `seq` (2^32 to 2^53-1) into the slot at `seqAt`, in place. Throws on a seq out of range: our own fault. */
export function writeSeq(bytes: Uint8Array, seqAt: number, seq: number): void {
  if (!Number.isSafeInteger(seq) || seq < LEAST_SLOT_SEQ) {
    throw new RangeError(`seq ${seq} does not fit its slot: it must be 2^32 to 2^53-1`)
  }
  bytes[seqAt] = UINT64_HEAD
  putUint32(bytes, seqAt + 1, Math.floor(seq / 0x1_0000_0000))
  putUint32(bytes, seqAt + 5, seq % 0x1_0000_0000)
}
