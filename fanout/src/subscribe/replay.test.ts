import { setImmediate } from 'node:timers/promises'
import type { LogReader } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { describe, expect, it } from 'vitest'
import { entry, openLog } from '../testing/scene.ts'
import { Replay } from './replay.ts'

const FIRST = 2 ** 32

describe('a replay', () => {
  it('has two parts on their way at most, and reads into the one that was sent', async () => {
    const { log, close } = await openLog()
    for (let i = 0; i < 400; i++) await log.append([entry(i, { bytes: 1_000 })])
    const sent: (() => void)[] = []
    const written: string[] = []
    const buffers = new Set<ArrayBufferLike>()
    const replay = new Replay({
      log,
      write: (batches: readonly LogBatch[], onSent) => {
        for (const batch of batches) {
          buffers.add(batch.bytes.buffer)
          written.push(...Array.from({ length: batch.count }, (_, i) => `${batch.firstSeq + i}`))
        }
        sent.push(onSent)
      },
    })
    let next = await replay.step(FIRST)
    next = await replay.step(next as number)
    const third = replay.step(next as number)
    await setImmediate()
    expect(sent.length, 'the third waits for the first').toBe(2)
    sent.shift()?.()
    for (next = await third; next !== undefined; next = await replay.step(next))
      for (const done of sent.splice(0)) done()
    expect(written).toEqual(Array.from({ length: 400 }, (_, i) => `${FIRST + i}`))
    // Two at the start, and two for each size that they have grown to.
    expect(buffers.size).toBeLessThanOrEqual(8)
    await close()
  })

  it('asks for more of one that takes it quickly, and for little of one that does not', async () => {
    const asked: number[] = []
    let sent: () => void = () => undefined
    const batch = { lastSeq: FIRST } as LogBatch
    const log = {
      read: async (_from: number, bytes: number, into: Buffer) => {
        asked.push(bytes)
        expect(into.length).toBe(bytes)
        return [batch]
      },
    } as unknown as LogReader
    const replay = new Replay({
      log,
      write: (_batches, onSent) => {
        sent = onSent
      },
    })
    for (let i = 0; i < 6; i++) {
      await replay.step(FIRST)
      sent()
      await setImmediate()
    }
    expect(asked).toEqual([64, 128, 256, 512, 512, 512].map((kib) => kib * 1_024))
    await replay.step(FIRST)
    await new Promise((resolve) => setTimeout(resolve, 80))
    sent()
    await setImmediate()
    await replay.step(FIRST)
    expect(asked.at(-1)).toBe(64 * 1_024)
  })
})
