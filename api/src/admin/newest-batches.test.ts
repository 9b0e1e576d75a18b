import type { LogReader } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { newestBatches } from './newest-batches.ts'

interface Written {
  readonly firstSeq: number
  readonly lastSeq: number
}

/** A log of which a read gives at most `most` batches. */
function logOf(batches: readonly Written[], most: number) {
  let reads = 0
  const first = batches[0]?.firstSeq ?? 2 ** 32
  const next = (batches.at(-1)?.lastSeq ?? first - 1) + 1
  const log: Pick<LogReader, 'bounds' | 'read'> = {
    bounds: () => ({ first, next, evicted: false }),
    read: async (fromSeq, maxBytes) => {
      reads++
      const from = batches.findIndex(({ lastSeq }) => lastSeq >= fromSeq)
      return (from < 0 ? [] : batches.slice(from, from + (maxBytes === 1 ? 1 : most))) as LogBatch[]
    },
  }
  return { log, reads: () => reads }
}

/** Batches whose first seqs lie so far apart. */
function spread(gaps: readonly number[], entries = 1): Written[] {
  let seq = 2 ** 32
  return gaps.map((gap) => {
    seq += Math.max(gap, entries)
    return { firstSeq: seq, lastSeq: seq + entries - 1 }
  })
}

async function all(log: Pick<LogReader, 'bounds' | 'read'>): Promise<number[]> {
  const seqs: number[] = []
  for await (const batches of newestBatches(log)) seqs.unshift(...batches.map(({ firstSeq }) => firstSeq))
  return seqs
}

it('gives every batch once, from the newest back, whatever gaps lie between them', async () => {
  const gap = fc.oneof(fc.nat(5), fc.nat(5_000), fc.constant(4_096), fc.constantFrom(2 ** 20, 2 ** 32))
  await fc.assert(
    fc.asyncProperty(fc.array(gap, { maxLength: 40 }), fc.integer({ min: 1, max: 8 }), async (gaps, most) => {
      const batches = spread(gaps)
      expect(await all(logOf(batches, most).log)).toEqual(batches.map(({ firstSeq }) => firstSeq))
    }),
  )
})

it('takes a few reads a batch where each lies 4,096 seqs from the next, as in a cluster', async () => {
  const { log, reads } = logOf(spread(new Array(200).fill(4_096)), 1_000)
  let found = 0
  for await (const batches of newestBatches(log)) {
    found += batches.length
    if (found >= 50) break
  }
  expect(found).toBeGreaterThanOrEqual(50)
  expect(reads()).toBeLessThan(200)
})

it('of an empty log gives nothing', async () => {
  expect(await all(logOf([], 1).log)).toEqual([])
})
