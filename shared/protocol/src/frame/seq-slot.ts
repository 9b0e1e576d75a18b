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
  const slotted = new Uint8Array(slottedBytes(frame, seqAt, seqEnd))
  putWithSeqSlot(slotted, 0, frame, seqAt, seqEnd)
  return { frame: slotted, seqAt }
}

/** Bytes of a frame with a slot in place of the int at `seqAt`. */
export function slottedBytes(frame: Uint8Array, seqAt: number, seqEnd: number): number {
  return frame.length - (seqEnd - seqAt) + SEQ_SLOT_BYTES
}

/** As withSeqSlot, into `into` at `at`; returns where it ends. */
export function putWithSeqSlot(
  into: Uint8Array,
  at: number,
  frame: Uint8Array,
  seqAt: number,
  seqEnd: number,
): number {
  into.set(frame.subarray(0, seqAt), at)
  writeSeq(into, at + seqAt, LEAST_SLOT_SEQ)
  into.set(frame.subarray(seqEnd), at + seqAt + SEQ_SLOT_BYTES)
  return at + slottedBytes(frame, seqAt, seqEnd)
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
