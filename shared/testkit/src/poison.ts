/**
 * The same bytes inside a larger buffer, with 0xff on both sides: a reader that runs past the end then meets bytes
 * that are there and wrong, and not the `undefined` that hides it.
 */
export function poisoned(bytes: Uint8Array): Uint8Array {
  const margin = 64
  const larger = new Uint8Array(bytes.length + 2 * margin).fill(0xff)
  larger.set(bytes, margin)
  return larger.subarray(margin, margin + bytes.length)
}
