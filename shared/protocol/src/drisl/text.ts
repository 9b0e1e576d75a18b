import { isUtf8 } from 'node:buffer'

/** From here on one native call is cheaper than the loop. */
const NATIVE_FROM = 96

type Slice = (this: Uint8Array, start: number, end: number) => string
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as { latin1Slice: Slice; utf8Slice: Slice }

/** Whether `bytes[at, end)` is valid UTF-8 (protocol.md W4). */
export function isValidText(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < NATIVE_FROM) {
    let i = at
    while (i < end && bytes[i]! < 0x80) i++
    if (i === end) return true
  }
  return isUtf8(bytes.subarray(at, end))
}

/** The text at `bytes[at, end)`, known to be valid UTF-8, as a string. */
export function textAt(bytes: Uint8Array, at: number, end: number): string {
  for (let i = at; i < end; i++) {
    if (bytes[i]! >= 0x80) return utf8Slice.call(bytes, at, end)
  }
  return latin1Slice.call(bytes, at, end)
}

/** Whether the `length` bytes at `at` are this ASCII text. The caller knows that they lie inside the input. */
export function isTextAt(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false
  }
  return true
}

/** Byte order of two ranges of one input, shorter first where one is the start of the other. */
export function compareBytes(
  a: Uint8Array,
  aAt: number,
  aEnd: number,
  b: Uint8Array,
  bAt: number,
  bEnd: number,
): number {
  const shared = Math.min(aEnd - aAt, bEnd - bAt)
  for (let i = 0; i < shared; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aAt - (bEnd - bAt)
}

/** Whether `length` bytes at the two places are equal. */
export function equalBytes(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (a[aAt + i] !== b[bAt + i]) return false
  }
  return true
}
