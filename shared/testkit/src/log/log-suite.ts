import { FIRST_SEQ, type Log, LogTooLargeError, LogTrimmedError } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { describe, expect, it } from 'vitest'
import { entriesOf, entryOf, messageOf, readAll } from '../log-entries.ts'

/** One log, and the ways to it that the suite needs. */
export interface LogUnderTest extends AsyncDisposable {
  readonly log: Log
  /** Opens the same log again for writing, as the next process would, and makes it `log`. */
  reopen(): Promise<Log>
  /** Lets all that was appended so far fall out of the window. */
  age(): void
}

const NO_POSITIONS = Buffer.alloc(0)

/** Appends batches of so many entries each; resolves to all seqs and what stands under them. */
async function fill(log: Log, sizes: readonly number[], mark = 0): Promise<Map<number, Buffer>> {
  const written = new Map<number, Buffer>()
  for (const size of sizes) {
    const entries = Array.from({ length: size }, (_, i) => entryOf(mark + written.size * 1_000 + i))
    const { next } = log.bounds()
    const { firstSeq } = await log.append(entries, NO_POSITIONS)
    expect(firstSeq, 'seq is known before the append').toBe(next)
    for (const [i, entry] of entries.entries()) written.set(firstSeq + i, messageOf(entry, firstSeq + i))
  }
  return written
}

async function messages(log: Log, from: number, maxBytes?: number): Promise<Map<number, Buffer>> {
  const all = entriesOf(await readAll(log, from, maxBytes))
  return new Map([...all].filter(([seq]) => seq >= from).map(([seq, { message }]) => [seq, message]))
}

const since = (written: ReadonlyMap<number, Buffer>, seq: number) =>
  new Map([...written].filter(([at]) => at >= seq))

/** What the embedded log and the one in Kafka both promise (invariants 5, 9, 10). */
export function logSuite(name: string, open: () => Promise<LogUnderTest>): void {
  describe(`${name}: what every log promises`, () => {
    it('gives back what was appended, from any seq, in any portions, to those who tail and after a reopening', async () => {
      await using under = await open()
      const tailed: LogBatch[] = []
      under.log.tail((batch) => tailed.push(batch))
      const written = await fill(under.log, [1, 7, 3, 20, 1, 1, 12])
      expect([...entriesOf(tailed)].map(([seq, { message }]) => [seq, message])).toEqual([...written])
      const seqs = [...written.keys()]
      expect(seqs, 'seq rises').toEqual(seqs.toSorted((a, b) => a - b))
      expect(seqs[0]).toBeGreaterThanOrEqual(FIRST_SEQ)
      for (const portion of [1, 100, 100_000])
        for (const seq of seqs.filter((_, i) => i % 5 === 0))
          expect(await messages(under.log, seq, portion)).toEqual(since(written, seq))
      const again = await under.reopen()
      expect(await messages(again, seqs[3] as number)).toEqual(since(written, seqs[3] as number))
      expect(again.bounds().first).toBeLessThanOrEqual(seqs[0] as number)
      expect(again.bounds().evicted).toBe(false)
    })

    it('goes on above all seqs after a reopening, with a higher generation', async () => {
      await using under = await open()
      const before = await fill(under.log, [4, 4])
      const { generation } = under.log
      const again = await under.reopen()
      expect(again.generation).toBeGreaterThan(generation)
      const after = await fill(again, [2], 50_000)
      expect(Math.min(...after.keys())).toBeGreaterThan(Math.max(...before.keys()))
      expect(await messages(again, Math.min(...before.keys()))).toEqual(new Map([...before, ...after]))
    })

    it('takes one append at a time, and refuses one that is too large without harm', async () => {
      await using under = await open()
      const { log } = under
      const first = log.append([entryOf(1)], NO_POSITIONS)
      await expect(log.append([entryOf(2)], NO_POSITIONS)).rejects.toThrow('one append at a time')
      const { firstSeq } = await first
      await expect(log.append([entryOf(3, 65 * 2 ** 20)], NO_POSITIONS)).rejects.toThrow(LogTooLargeError)
      const [large] = [...(await log.append([entryOf(4, 5_000_000)], NO_POSITIONS)).facts()]
      expect(large).toEqual(entryOf(4).facts)
      expect([...(await messages(log, firstSeq)).keys()]).toHaveLength(2)
    })

    it('trims what is beyond the window, never above the position, and says so to who reads below (invariant 5)', async () => {
      await using under = await open()
      const written = await fill(
        under.log,
        Array.from({ length: 40 }, () => 5),
      )
      under.age()
      const seqs = [...written.keys()]
      const position = seqs[101] as number
      await under.log.trim(position)
      const { first, evicted } = under.log.bounds()
      expect(first).toBeGreaterThan(seqs[0] as number)
      expect(first).toBeLessThanOrEqual(position)
      expect(evicted).toBe(true)
      expect(await messages(under.log, first)).toEqual(since(written, first))
      await expect(under.log.read(first - 1, 1_000)).rejects.toThrow(LogTrimmedError)
      const again = await under.reopen()
      expect(again.bounds()).toMatchObject({ first, evicted: true })
    })

    it('says that the next seq is not there yet', async () => {
      await using under = await open()
      await fill(under.log, [3])
      expect(await under.log.read(under.log.bounds().next, 1_000)).toEqual([])
    })
  })
}
