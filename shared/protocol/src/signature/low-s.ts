/** A signature on either curve: r and s of 32 bytes each, no DER. */
const SIGNATURE_BYTES = 64
const SCALAR_BYTES = 32

/** Order n of a curve, and n/2, as big-endian bytes. */
export type CurveOrder = { order: Uint8Array; half: Uint8Array }

export const K256_ORDER: CurveOrder = curveOrder(
  'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
)
export const P256_ORDER: CurveOrder = curveOrder(
  'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
)

function curveOrder(hex: string): CurveOrder {
  const half = (BigInt(`0x${hex}`) >> 1n).toString(16).padStart(64, '0')
  return { order: Uint8Array.from(Buffer.from(hex, 'hex')), half: Uint8Array.from(Buffer.from(half, 'hex')) }
}

/**
 * Whether a signature has the one allowed form: 64 bytes, 1 <= r < n, 1 <= s <= n/2. No library refuses the other s
 * of its own accord, and with it anyone could make a second valid signature of a commit (protocol.md C8, A22).
 */
export function isLowSignature(signature: Uint8Array, { order, half }: CurveOrder): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    !isZero(signature, 0) &&
    !isZero(signature, SCALAR_BYTES) &&
    compareScalar(signature, 0, order) < 0 &&
    compareScalar(signature, SCALAR_BYTES, half) <= 0
  )
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < SCALAR_BYTES; i++) {
    if (bytes[at + i] !== 0) return false
  }
  return true
}

function compareScalar(bytes: Uint8Array, at: number, other: Uint8Array): number {
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const difference = bytes[at + i]! - other[i]!
    if (difference !== 0) return difference
  }
  return 0
}
