import { hash } from 'node:crypto'
import { mstUtil } from '@atproto/repo'
import { readVectorJson, readVectorLines, vectorsOr } from '@bgs/testkit/vectors.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyOfLayer } from '../testing/keys-of-layer.ts'
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

type Height = { key: string; height: number }

const HEIGHTS = 'interop/mst/key_heights.json'
const KEYS = 'interop/mst/example_keys.txt'
const layers = await vectorsOr(
  [HEIGHTS, KEYS],
  () => ({ heights: readVectorJson<Height[]>(HEIGHTS), keys: readVectorLines(KEYS) }),
  async () => ({
    heights: await Promise.all(
      ['', 'asdf', 'blue', 'app.example.feed/self', 'com.example.note/3jui7kd54zh2y'].map(async (key) => ({
        key,
        height: await mstUtil.leadingZerosOnHash(key),
      })),
    ),
    keys: await Promise.all(
      [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].flatMap((letter) =>
        [0, 1, 2, 3, 4, 5].map((layer) => keyOfLayer(`${letter}${layer}`, layer)),
      ),
    ),
  }),
)

describe(`layers of keys (${layers.origin})`, { meta: layers.meta }, () => {
  const { heights, keys } = layers.cases

  test('key_heights', () => {
    expect(heights.length).toBeGreaterThan(4)
    for (const { key, height } of heights) expect(layerOf(key), key).toBe(height)
  })

  test('example_keys', () => {
    for (const key of keys) expect(layerOf(key), key).toBe(Number(key[1]))
    expect(keys).toHaveLength(156)
  })
})
