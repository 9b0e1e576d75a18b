import { describe, expect, it } from 'vitest'
import { tooUnfinished, UNFINISHED_BYTES, UNFINISHED_MS } from './unfinished.ts'

const MB = 1_000_000

describe('W7, H10: messages that are begun and not finished', () => {
  it('are let be while they are few', () => {
    const all = Array.from({ length: 12 }, (_, i) => ({ host: `h${i}.example.com`, bytes: 5 * MB, ageMs: 1 }))
    expect(tooUnfinished(all)).toEqual([])
  })

  it('the heaviest of the heaviest domain goes first; who holds little is not touched', () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ host: `h${i}.evil.com`, bytes: 2 * MB, ageMs: 1 }))
    const honest = [
      { host: 'pds.example.com', bytes: 4 * MB, ageMs: 1 },
      { host: 'pds.example.net', bytes: 70_000, ageMs: 1 },
    ]
    const closed = tooUnfinished([...honest, ...many])
    expect(closed.every((host) => host.endsWith('.evil.com'))).toBe(true)
    const left = 84 * MB + 70_000 - closed.length * 2 * MB
    expect(left).toBeLessThanOrEqual(UNFINISHED_BYTES * 0.75)
    expect(left).toBeGreaterThan(UNFINISHED_BYTES * 0.75 - 2 * MB)
  })

  it('one that takes for ever is closed although there is room', () => {
    expect(
      tooUnfinished([
        { host: 'slow.example.com', bytes: 1_000, ageMs: UNFINISHED_MS + 1 },
        { host: 'b.example.com', bytes: 5 * MB, ageMs: UNFINISHED_MS - 1 },
      ]),
    ).toEqual(['slow.example.com'])
  })
})
