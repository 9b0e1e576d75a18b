import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Block, block, blockOf, carOf, linkTo } from '../testing/blocks.ts'
import { readCar } from './car.ts'
import { keyLayer } from './key-layer.ts'
import { openTree } from './mst.ts'

const TEXT = new TextEncoder()
const VALUE = linkTo(block(TEXT.encode('value')).cid)
const ABSENT = linkTo(block(TEXT.encode('absent')).cid)

type Entry = { p: number; k: string; t?: Block | typeof ABSENT | null; v?: unknown }

function node(entries: Entry[], left: Block | typeof ABSENT | null = null, extra: object = {}): Block {
  const e = entries.map(({ p, k, t = null, v = VALUE }) => ({ p, k: TEXT.encode(k), t: toLink(t), v }))
  return blockOf({ l: toLink(left), e, ...extra })
}

function toLink(target: Block | typeof ABSENT | null) {
  return target === null
    ? null
    : 'bytes' in target && 'cid' in target
      ? linkTo((target as Block).cid)
      : target
}

/** What opening the tree under the first block says: '' when it is well formed. */
function complaint(...blocks: Block[]): string {
  const root = blocks[0]!.cid
  const bytes = carOf([root], blocks)
  const car = readCar(bytes, 0, bytes.length)
  if (car.kind === 'fault') return car.reason
  const tree = openTree(car, root, 0)
  return tree.kind === 'fault' ? `${tree.reason}: ${tree.detail}` : ''
}

/** The first keys of a layer, ascending. */
function keysOf(layer: number, count: number): string[] {
  const keys: string[] = []
  for (let i = 0; keys.length < count; i++) {
    const key = TEXT.encode(`k${String(i).padStart(6, '0')}`)
    if (keyLayer(key, 0, key.length) === layer) keys.push(`k${String(i).padStart(6, '0')}`)
  }
  return keys
}

const [low, low2] = keysOf(0, 2) as [string, string]
const [high] = keysOf(2, 1) as [string]

function sharedPrefix(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}
const p = sharedPrefix(low, low2)

describe('well-formed trees (C10)', () => {
  test('empty, one key, two keys with a shared prefix, stubs, a node without keys in the middle', () => {
    expect(complaint(node([]))).toBe('')
    expect(complaint(node([{ p: 0, k: low }]))).toBe('')
    expect(
      complaint(
        node([
          { p: 0, k: low },
          { p, k: low2.slice(p) },
        ]),
      ),
    ).toBe('')
    expect(complaint(node([{ p: 0, k: high, t: ABSENT }], ABSENT))).toBe('')
    const leaf = node([{ p: 0, k: low }])
    const middle = node([], leaf)
    if (low < high) expect(complaint(node([{ p: 0, k: high }], middle), middle, leaf)).toBe('')
    else expect(complaint(node([{ p: 0, k: high, t: middle }]), middle, leaf)).toBe('')
  })
})

describe('malformed trees', () => {
  const leaf = node([{ p: 0, k: low }])
  const empty = node([])
  test.each<[string, Block[], string]>([
    ['a root without entries', [node([], leaf), leaf], 'a root without entries'],
    ['a link below layer 0', [node([{ p: 0, k: low, t: ABSENT }])], 'below layer 0'],
    ['an empty node below the root', [node([{ p: 0, k: high }], empty), empty], 'empty node'],
    ['a key of another layer', [node([{ p: 0, k: high }], leaf), leaf], 'layer'],
    [
      'keys that descend',
      [
        node([
          { p: 0, k: low2 },
          { p, k: low.slice(p) },
        ]),
      ],
      'ascend',
    ],
    [
      'a key twice',
      [
        node([
          { p: 0, k: low },
          { p: low.length, k: '' },
        ]),
      ],
      'empty',
    ],
    [
      'a prefix that is too short',
      [
        node([
          { p: 0, k: low },
          { p: p - 1, k: low2.slice(p - 1) },
        ]),
      ],
      'prefix',
    ],
    [
      'a prefix that is too long',
      [
        node([
          { p: 0, k: low },
          { p: 100, k: 'x' },
        ]),
      ],
      'longer',
    ],
    ['a prefix of nothing', [node([{ p: 1, k: low }])], 'longer'],
    ['an empty key', [node([{ p: 0, k: '' }])], 'empty'],
    ['a key that is too long', [node([{ p: 0, k: 'x'.repeat(1_025) }])], 'long'],
    ['a value that is no CID', [node([{ p: 0, k: low, v: null }])], 'v is not'],
    ['an unknown field', [node([{ p: 0, k: low }], null, { x: 1 })], 'not a map'],
    ['a node that is text', [blockOf('text')], 'not a map'],
    ['no entries field', [blockOf({ l: null })], 'not a map'],
    ['no left field', [blockOf({ e: [] })], 'not a map'],
    ['bytes after it', [block(Uint8Array.of(...empty.bytes, 0))], 'after'],
  ])('%s', (_name, blocks, part) => {
    expect(complaint(...blocks)).toMatch(/^mst-malformed: /)
    expect(complaint(...blocks)).toContain(part)
  })

  test('more than 1,024 entries in a node', () => {
    const entries = Array.from({ length: 1_025 }, (_, i) => ({ p: 0, k: `${i}` }))
    expect(complaint(node(entries))).toContain('1024')
  })

  test('a root that is absent is an incomplete proof', () => {
    const bytes = carOf([leaf.cid], [leaf])
    const car = readCar(bytes, 0, bytes.length)
    if (car.kind === 'car')
      expect(openTree(car, empty.cid, 0)).toMatchObject({ reason: 'inversion-incomplete' })
  })

  test('any byte of a node changed is malformed, or another tree, and never an exception', () => {
    const tree = node([{ p: 0, k: high, t: ABSENT }], ABSENT)
    fc.assert(
      fc.property(fc.nat(tree.bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Uint8Array.from(tree.bytes)
        bytes[at] = bytes[at]! ^ change
        expect(complaint(block(bytes))).toMatch(/^$|^mst-malformed/)
      }),
      { numRuns: 1_000 },
    )
  })

  test('a node linked from many places costs no more than once', () => {
    const chain = [node([], ABSENT)]
    const entries: Entry[] = []
    const keys = keysOf(2, 200)
    for (let i = 0; i < keys.length; i++) {
      const prefix = i === 0 ? 0 : sharedPrefix(keys[i - 1]!, keys[i]!)
      entries.push({ p: prefix, k: keys[i]!.slice(prefix), t: chain[0]! })
    }
    expect(complaint(node(entries), ...chain)).toContain('twice')
  })
})
