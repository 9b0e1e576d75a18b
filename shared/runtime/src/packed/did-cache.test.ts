import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DidCache } from './did-cache.ts'

const PLC = 'did:plc:aaaaaaaaaaaaaaaaaaaaaa'
/** Few of each form, so that they are met again: usual ones, short, long, and ones that are nearly usual. */
const did = fc.oneof(
  fc.nat(99).map((n) => `${PLC}${String(n).padStart(2, '0')}`),
  fc.nat(20).map((n) => `did:plc:${n}`),
  fc.nat(9).map((n) => `did:web:${`${n}.`.repeat(90)}example.com`),
  fc.constantFrom(
    `${PLC}a€`,
    `did:web:aaaaaaaaaaaaaaaaaaaaaa00`,
    '',
    '\ud800',
    `did:web:${'x'.repeat(2_040)}`,
  ),
)
const value = fc.uint8Array({ maxLength: 300 })
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), did, value }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), did }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), did }) },
)

/** Values with a length of two bytes in front, as a codec would have them. */
function put(records: DidCache, did: string, bytes: Uint8Array): void {
  const scratch = Buffer.alloc(400)
  scratch.writeUInt16LE(bytes.length, 0)
  scratch.set(bytes, 2)
  records.put(did, scratch, bytes.length + 2)
}

function get(records: DidCache, did: string): Uint8Array | undefined {
  const slot = records.get(did)
  if (slot === undefined) return undefined
  const start = slot.at + 2
  return Uint8Array.from(slot.bytes.subarray(start, start + slot.view.getUint16(slot.at, true)))
}

describe('records by DID', () => {
  it('are what was put last, or forgotten; never an older one, never another DID’s', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 500 }),
        fc.integer({ min: 1_000, max: 60_000 }),
        (steps, bytes) => {
          const records = new DidCache(bytes)
          const model = new Map<string, Uint8Array>()
          for (const one of steps) {
            if (one.do === 'put') {
              put(records, one.did, one.value)
              model.set(one.did, one.value)
            } else if (one.do === 'delete') {
              records.delete(one.did)
              model.delete(one.did)
            } else {
              const found = get(records, one.did)
              if (found !== undefined) expect(found).toEqual(model.get(one.did))
            }
          }
          let kept = 0
          for (const [name, last] of model) {
            const found = get(records, name)
            if (found === undefined) continue
            kept++
            expect(found).toEqual(last)
          }
          expect(records.size).toBe(kept)
        },
      ),
    )
  })

  it('forget nothing while there is room', () => {
    const records = new DidCache(100_000)
    for (let n = 0; n < 1_000; n++) put(records, `${PLC}${n % 100}-`, new Uint8Array([n & 255, n >>> 8]))
    expect(records.size).toBe(100)
    for (let n = 900; n < 1_000; n++)
      expect(get(records, `${PLC}${n % 100}-`)).toEqual(new Uint8Array([n & 255, n >>> 8]))
  })

  it('invariant 12: are bounded in bytes, and what is asked for stays', () => {
    const records = new DidCache(64 * 1024)
    const used = `${PLC}zz`
    for (let n = 0; n < 20_000; n++) {
      put(records, `did:plc:${String(n).padStart(24, '0')}`, new Uint8Array(100))
      if (n === 0) put(records, used, new Uint8Array([7]))
      expect(get(records, used)).toEqual(new Uint8Array([7]))
    }
    // 136 bytes each: at most what the slabs hold.
    expect(records.size).toBeLessThanOrEqual((64 * 1024) / 136)
    expect(records.size).toBeGreaterThan((64 * 1024) / 136 / 2)
  })

  it('invariant 12: very small ones are bounded by the index', () => {
    const records = new DidCache(64 * 1024)
    for (let n = 0; n < 20_000; n++) put(records, `${n}`, new Uint8Array(0))
    expect(records.size).toBeLessThanOrEqual(768)
    expect(get(records, '19999')).toBeDefined()
  })

  it('are dropped by their DID', () => {
    const records = new DidCache(64 * 1024)
    const names = [
      ...Array.from({ length: 50 }, (_, n) => `did:web:${n}.example.com`),
      `${PLC}ab`,
      `${PLC}cd`,
    ]
    for (const [i, name] of names.entries()) put(records, name, new Uint8Array([i]))
    records.drop((name) => name.includes('1') || name.endsWith('ab'))
    for (const [i, name] of names.entries()) {
      const gone = name.includes('1') || name.endsWith('ab')
      expect(get(records, name)).toEqual(gone ? undefined : new Uint8Array([i]))
    }
  })
})
