import { hash } from 'node:crypto'
import { readVectorJson, readVectorLines, vectorsFolder } from '@bgs/testkit/vectors.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyLayer } from './key-layer.ts'

const TEXT = new TextEncoder()

function layerOf(key: string): number {
  const bytes = TEXT.encode(key)
  return keyLayer(bytes, 0, bytes.length)
}

test('agrees with sha-256 for keys of every length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 130 }), (bytes) => {
      const bits = [...hash('sha256', bytes, 'buffer')]
        .map((byte) => byte.toString(2).padStart(8, '0'))
        .join('')
      const inside = Uint8Array.of(7, ...bytes, 7)
      expect(keyLayer(inside, 1, bytes.length + 1)).toBe(bits.indexOf('1') >> 1)
    }),
    { numRuns: 500 },
  )
})

describe.skipIf(vectorsFolder() === null)('vectors (beside the project)', () => {
  test('key_heights', () => {
    const heights = readVectorJson<{ key: string; height: number }[]>('interop/mst/key_heights.json')
    for (const { key, height } of heights) expect(layerOf(key), key).toBe(height)
  })

  test('example_keys', () => {
    const keys = readVectorLines('interop/mst/example_keys.txt')
    for (const key of keys) expect(layerOf(key), key).toBe(Number(key[1]))
    expect(keys).toHaveLength(156)
  })
})
