import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { seededHash } from './seeded-hash.ts'

const TEXTS = Array.from({ length: 100_000 }, (_, i) => `did:plc:${i.toString(36).padStart(24, '-')}`)

describe('the hash of a text', () => {
  it('is one of 32 bits, the same each time, also for no text and for characters of any kind', () => {
    for (const text of ['', 'a', 'abcd', 'abcde', 'x'.repeat(2_048), '\u0000', '\ud800', 'é€']) {
      expect(seededHash(text)).toBe(seededHash(`${text.slice(0, 3)}${text.slice(3)}`))
      expect(seededHash(text) >>> 0).toBe(seededHash(text))
    }
  })

  it('spreads texts that are alike over any number of buckets', () => {
    const buckets = new Array<number>(256).fill(0)
    const high = new Array<number>(256).fill(0)
    for (const text of TEXTS) {
      const hash = seededHash(text)
      buckets[hash & 255]!++
      high[hash >>> 24]!++
    }
    // 390 on average, with a standard deviation of 20.
    for (const count of [...buckets, ...high]) expect(Math.abs(count - TEXTS.length / 256)).toBeLessThan(140)
    expect(new Set(TEXTS.map(seededHash)).size).toBeGreaterThan(TEXTS.length - 20)
  })

  it('tells lengths apart: zeros at the end are not the same as none', () => {
    const hashes = Array.from({ length: 20 }, (_, i) => seededHash('\0'.repeat(i)))
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('has a key of its own in each process', () => {
    const file = fileURLToPath(new URL('seeded-hash.ts', import.meta.url))
    const code = `import('${file}').then(({ seededHash }) => console.log(seededHash('did:plc:a')))`
    const hashes = [1, 2].map(() => spawnSync(process.execPath, ['-e', code]).stdout.toString())
    expect(hashes[0]).toMatch(/^\d+\n$/)
    expect(hashes[0]).not.toBe(hashes[1])
  })
})
