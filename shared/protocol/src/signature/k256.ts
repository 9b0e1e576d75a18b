import { createRequire } from 'node:module'

/** Which code verifies on secp256k1: it decides the cost of a commit (60, 190 or 1,900 µs), so it is shown at start. */
export type K256Backend = 'native' | 'wasm' | 'js'

/**
 * `parse` takes a point of 33 or 65 bytes and gives the uncompressed one, or null; with it a verification saves the
 * square root. `verify` takes r and s in range (low-s.ts), a digest of 32 bytes and a parsed point.
 */
export type K256 = {
  backend: K256Backend
  parse: (point: Uint8Array) => Uint8Array | null
  verify: (signature: Uint8Array, digest: Uint8Array, point: Uint8Array) => boolean
}

/** The part of the native package's interface that is used; the package brings no types. */
type NativeCurve = {
  ecdsaVerify: (signature: Uint8Array, digest: Uint8Array, point: Uint8Array) => boolean
  publicKeyVerify: (point: Uint8Array) => boolean
  publicKeyConvert: (point: Uint8Array, compressed: boolean) => Uint8Array
}

/**
 * The package's own entry falls back to JavaScript without a word where it has no prebuilt binary (linux-arm64), so
 * its binding is asked for by name and wasm comes next.
 */
function loadNative(): K256 | null {
  let curve: NativeCurve
  try {
    curve = createRequire(import.meta.url)('secp256k1/bindings.js') as NativeCurve
  } catch {
    return null
  }
  return {
    backend: 'native',
    parse: (point) => (curve.publicKeyVerify(point) ? curve.publicKeyConvert(point, false) : null),
    verify: (signature, digest, point) => curve.ecdsaVerify(signature, digest, point),
  }
}

export async function loadWasm(): Promise<K256 | null> {
  try {
    const { secp256k1 } = await import('@bitauth/libauth')
    return {
      backend: 'wasm',
      parse: (point) => {
        const parsed = secp256k1.uncompressPublicKey(point)
        return typeof parsed === 'string' ? null : parsed
      },
      verify: (signature, digest, point) => secp256k1.verifySignatureCompact(signature, point, digest),
    }
  } catch {
    return null
  }
}

export async function loadJs(): Promise<K256> {
  const { secp256k1 } = await import('@noble/curves/secp256k1.js')
  return {
    backend: 'js',
    parse: (point) =>
      secp256k1.utils.isValidPublicKey(point) ? secp256k1.Point.fromBytes(point).toBytes(false) : null,
    verify: (signature, digest, point) =>
      secp256k1.verify(signature, digest, point, { prehash: false, lowS: true }),
  }
}

export const k256: K256 = loadNative() ?? (await loadWasm()) ?? (await loadJs())
