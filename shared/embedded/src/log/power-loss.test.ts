import { FIRST_SEQ } from '@bgs/contract/log/log.ts'
import { entriesOf, entryOf, messageOf, readAll } from '@bgs/testkit/log-entries.ts'
import { type DiskOperation, PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SegmentLog } from './segment-log.ts'

class PowerLostError extends Error {}

/** What was promised and what was tried, over all lives of a log. */
class Ledger {
  readonly acknowledged = new Map<number, Buffer>()
  /** Batches whose append never returned: first seq to messages. */
  readonly attempted = new Map<number, Buffer[]>()
  highest = 0
  mark = 0

  /** Appends one batch and notes what came of it. */
  async append(log: SegmentLog, size: number): Promise<void> {
    const entries = Array.from({ length: size }, () => entryOf(++this.mark, 30 + ((this.mark * 97) % 900)))
    const firstSeq = log.bounds().next
    const messages = entries.map((entry, i) => messageOf(entry, firstSeq + i))
    expect(firstSeq, 'a seq is never reused').toBeGreaterThan(this.highest)
    this.highest = Math.max(this.highest, firstSeq + size - 1)
    this.attempted.set(firstSeq, messages)
    const batch = await log.append(entries)
    expect(batch.firstSeq).toBe(firstSeq)
    this.attempted.delete(firstSeq)
    for (const [i, message] of messages.entries()) this.acknowledged.set(firstSeq + i, message)
  }

  /** What is found must be all that was acknowledged, and of the rest whole batches only. */
  async check(log: SegmentLog): Promise<void> {
    const found = entriesOf(await readAll(log, log.bounds().first))
    for (const [seq, message] of this.acknowledged)
      expect(found.get(seq)?.message, `seq ${seq} was acknowledged`).toEqual(message)
    for (const [firstSeq, messages] of this.attempted) {
      const there = messages.filter((_, i) => found.has(firstSeq + i))
      expect([0, messages.length], 'a batch is there as a whole or not at all').toContain(there.length)
      // Found is served: from now on it must stay.
      for (const [i, message] of there.entries()) this.acknowledged.set(firstSeq + i, message)
    }
    this.attempted.clear()
    expect(found.size).toBe(this.acknowledged.size)
    for (const [seq, { message }] of found) expect(message).toEqual(this.acknowledged.get(seq))
    // Where nothing ever reached the disk nothing was ever served: then it may begin anew.
    if (log.bounds().next === FIRST_SEQ) this.highest = 0
    expect(log.bounds().next).toBeGreaterThan(this.highest)
  }
}

function open(disk: PowerLossDisk, generation: number, seenPosition: number): Promise<SegmentLog> {
  return SegmentLog.open({
    folder: 'log',
    disk,
    generation,
    retentionMs: 3_600_000,
    retentionBytes: 2 ** 40,
    seenPosition,
    clean: generation === 1,
    segmentBytes: 4_096,
  })
}

/** One life: opens, checks, appends, and loses its power at the `lossAt`-th change of the disk. */
async function life(
  disk: PowerLossDisk,
  generation: number,
  ledger: Ledger,
  batches: readonly number[],
  lossAt: number,
): Promise<void> {
  let left = lossAt
  disk.before = () => {
    if (--left <= 0) throw new PowerLostError()
  }
  try {
    const seen = Math.max(0, ...ledger.acknowledged.keys())
    const log = await open(disk, generation, generation % 2 === 0 ? seen : 0)
    await ledger.check(log)
    for (const size of batches) await ledger.append(log, size)
  } catch (error) {
    if (!isPowerLost(error)) throw error
  }
}

function isPowerLost(error: unknown): boolean {
  return error instanceof PowerLostError || (error instanceof Error && isPowerLost(error.cause))
}

const anyLife = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 8 }),
  lossAt: fc.integer({ min: 1, max: 30 }),
})

/** Numbers for the disk's choices. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('the embedded log over losses of power', () => {
  it('keeps what it acknowledged under its seq, nothing by halves, and reuses no seq (invariants 10, 11)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLife, { minLength: 1, maxLength: 6 }), fc.nat(), async (lives, seed) => {
        const random = randomOf(seed)
        const ledger = new Ledger()
        let disk = new PowerLossDisk()
        for (const [i, { batches, lossAt }] of lives.entries()) {
          await life(disk, i + 1, ledger, batches, lossAt)
          disk = disk.afterPowerLoss(random)
        }
        await ledger.check(await open(disk, lives.length + 1, 0))
      }),
      { numRuns: 300 },
    )
  })

  it('withstands a loss at every single change of the disk, in one life of many segments', async () => {
    const batches = [1, 3, 2, 6, 1, 4, 5, 2]
    const counted: DiskOperation[] = []
    const whole = new PowerLossDisk()
    whole.before = (operation) => counted.push(operation)
    const log = await open(whole, 1, 0)
    const all = new Ledger()
    for (const size of batches) await all.append(log, size)
    expect(whole.paths().length).toBeGreaterThan(2)
    for (let lossAt = 1; lossAt <= counted.length; lossAt++) {
      for (let seed = 0; seed < 12; seed++) {
        const disk = new PowerLossDisk()
        const ledger = new Ledger()
        await life(disk, 1, ledger, batches, lossAt)
        const found = disk.afterPowerLoss(randomOf(seed * 7_919))
        await life(found, 2, ledger, [2, 2], Number.POSITIVE_INFINITY)
        await ledger.check(await open(found, 3, 0))
      }
    }
  })

  it('loses nothing that lies in the log when it loses power while it opens it', async () => {
    for (let lossAt = 1; lossAt < 12; lossAt++) {
      let disk = new PowerLossDisk()
      const ledger = new Ledger()
      await life(disk, 1, ledger, [4, 4, 4, 4], 13)
      disk = disk.afterPowerLoss(() => 0.6)
      await life(disk, 2, ledger, [], lossAt)
      disk = disk.afterPowerLoss(randomOf(lossAt))
      await ledger.check(await open(disk, 3, 0))
    }
  })

  it('reads from the first seq on where nothing was ever acknowledged', async () => {
    const disk = new PowerLossDisk()
    const ledger = new Ledger()
    await life(disk, 1, ledger, [1], 2)
    const log = await open(
      disk.afterPowerLoss(() => 0.99),
      2,
      0,
    )
    expect(log.bounds()).toEqual({ first: FIRST_SEQ, next: FIRST_SEQ, evicted: false })
  })
})
