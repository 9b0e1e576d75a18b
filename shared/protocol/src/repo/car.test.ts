import { BlockMap, blocksToCarFile } from '@atproto/repo'
import { poisoned } from '@bgs/testkit/poison.ts'
import { readVectorJson, vectorsOr } from '@bgs/testkit/vectors.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cidFromText, cidToText } from '../drisl/cid.ts'
import { type Block, block, carOf } from '../testing/blocks.ts'
import { findBlock, MAX_BLOCKS, readCar } from './car.ts'

function read(bytes: Uint8Array) {
  const inside = poisoned(bytes)
  return readCar(inside, 0, inside.length)
}

const blocks = fc
  .array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 30 })
  .map((contents) => contents.map((content) => block(content)))

describe('CAR (C6)', () => {
  test('every block is found by its CID, double ones too', () => {
    fc.assert(
      fc.property(blocks, (list) => {
        const car = read(carOf([list[0]!.cid], [...list, ...list]))
        if (car.kind === 'fault') return expect.fail(car.detail)
        for (const { cid, bytes } of list) {
          const found = findBlock(car, cid, 0)
          expect(car.bytes.subarray(car.dataAt[found]!, car.dataEnd[found]!)).toEqual(bytes)
        }
        expect(findBlock(car, block(Uint8Array.of(0xff, 0xfe, 1, 2, 3)).cid, 0)).toBe(-1)
      }),
    )
  })

  test('any byte changed is refused', () => {
    fc.assert(
      fc.property(blocks, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, place, change) => {
        const bytes = carOf([list[0]!.cid], list)
        const at = place % bytes.length
        bytes[at] = bytes[at]! ^ change
        const car = read(bytes)
        // Past the header of 59 bytes each byte is of a length, a CID or a content: all proved but the codec.
        const isCodec = car.kind === 'car' && car.cidAt.includes(at - 1)
        if (at >= 59 && !isCodec) expect(car.kind).toBe('fault')
      }),
      { numRuns: 500 },
    )
  })

  test('any bytes give a verdict', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['car', 'fault']).toContain(read(bytes).kind)
      }),
      { numRuns: 1_000 },
    )
  })

  test('cut anywhere but between blocks it is refused', () => {
    const list = [block(Uint8Array.of(1)), block(new Uint8Array(200))]
    const whole = carOf([list[0]!.cid], list)
    const ends = [whole.length, whole.length - 238, whole.length - 238 - 38]
    for (let length = 0; length < whole.length; length++) {
      if (!ends.includes(length)) expect(read(whole.subarray(0, length)).kind, `${length}`).toBe('fault')
    }
  })

  test('reasons', () => {
    const one = block(Uint8Array.of(1))
    const raw = block(Uint8Array.of(1), 0x55)
    expect(read(carOf([], [one]))).toMatchObject({ reason: 'car-root' })
    expect(read(carOf([raw.cid], [raw]))).toMatchObject({ reason: 'car-root' })
    expect(read(carOf([one.cid], [one], 2))).toMatchObject({ reason: 'car-malformed' })
    expect(read(carOf([one.cid], [{ ...one, bytes: Uint8Array.of(2) }]))).toMatchObject({
      reason: 'car-block-hash',
    })
    expect(read(carOf([one.cid, raw.cid], [one, raw])).kind).toBe('car')
    const many: Block[] = Array.from({ length: MAX_BLOCKS + 1 }, () => one)
    expect(read(carOf([one.cid], many))).toMatchObject({ reason: 'car-block-count' })
    expect(read(carOf([one.cid], many.slice(1))).kind).toBe('car')
  })
})

type Fixture = { root: string; blocks: { cid: string; bytes: string }[]; car: string }

/** CARs as the reference writes them: of one block, of some, of large and empty ones. */
async function madeCars(): Promise<Fixture[]> {
  return Promise.all(
    [[10], [1, 300, 70_000], [127, 128, 0, 16_384]].map(async (sizes) => {
      const map = new BlockMap()
      const cids = await Promise.all(sizes.map((size) => map.add({ test: new Uint8Array(size).fill(size) })))
      const car = await blocksToCarFile(cids[0]!, map)
      return {
        root: `${cids[0]}`,
        blocks: map.entries().map(({ cid, bytes }) => ({
          cid: `${cid}`,
          bytes: Buffer.from(bytes).toString('base64'),
        })),
        car: Buffer.from(car).toString('base64'),
      }
    }),
  )
}

const CARS = 'car-file-fixtures.json'
const cars = await vectorsOr([CARS], () => readVectorJson<Fixture[]>(CARS), madeCars)

describe(`CAR fixtures (${cars.origin})`, { meta: cars.meta }, () => {
  test.each(cars.cases.map((fixture, index) => ({ index, fixture })))('fixture $index', ({ fixture }) => {
    const car = read(Uint8Array.from(Buffer.from(fixture.car, 'base64')))
    if (car.kind === 'fault') return expect.fail(car.detail)
    expect(cidToText(car.bytes.subarray(car.rootAt, car.rootAt + 36))).toBe(fixture.root)
    expect(car.cidAt).toHaveLength(fixture.blocks.length)
    for (const { cid, bytes } of fixture.blocks) {
      const found = findBlock(car, cidFromText(cid)!, 0)
      expect(Buffer.from(car.bytes.subarray(car.dataAt[found]!, car.dataEnd[found]!))).toEqual(
        Buffer.from(bytes, 'base64'),
      )
    }
  })
})
