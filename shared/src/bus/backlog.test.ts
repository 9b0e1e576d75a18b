import { describe, expect, it } from 'vitest'
import { Backlog } from './backlog.ts'

function backlog(maxBytes: number) {
  const state = {
    ends: new Map([
      [0, 0],
      [1, 0],
    ]),
    consumed: new Map<number, number>(),
    sample: 100,
  }
  const parts = {
    maxBytes,
    ends: async () => state.ends,
    consumed: async () => state.consumed,
    sample: async () => state.sample,
  }
  return { state, under: new Backlog(parts) }
}

describe('the backlog', () => {
  it('closes at its bound by what was appended here, and opens when that is consumed (invariant 12)', async () => {
    const { state, under } = backlog(1_000)
    for (let offset = 0; offset < 10; offset++) {
      expect(under.full()).toBeUndefined()
      under.noteAppended(offset % 2, Math.floor(offset / 2), 100)
    }
    state.ends = new Map([
      [0, 5],
      [1, 5],
    ])
    let open = false
    const room = under.full()?.then(() => {
      open = true
    })
    await under.look()
    expect([open, under.bytes]).toEqual([false, 1_000])
    state.consumed = new Map([
      [0, 1],
      [1, 1],
    ])
    await under.look()
    await room
    expect([open, under.bytes]).toEqual([true, 800])
    expect(under.full()).toBeUndefined()
  })

  it('counts what others appended by number and sample, also after a restart of this process', async () => {
    const { state, under } = backlog(1_000)
    state.ends = new Map([
      [0, 7],
      [1, 6],
    ])
    state.consumed = new Map([[1, 1]])
    under.noteAppended(0, 3, 10)
    await under.look()
    expect(under.bytes).toBe(10 + 11 * 100)
    expect(under.full()).toBeDefined()
  })

  it('stays bounded and exact in bytes over very many records', async () => {
    const { state, under } = backlog(1e12)
    for (let offset = 0; offset < 20_000; offset++) under.noteAppended(0, offset, 3)
    state.ends = new Map([[0, 20_000]])
    await under.look()
    expect(under.bytes).toBe(60_000)
    state.consumed = new Map([[0, 20_000]])
    await under.look()
    expect(under.bytes).toBe(0)
  })
})
