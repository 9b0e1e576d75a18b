import { FIRST_SEQ, LogFullError, LogTrimmedError, LogUnknownError } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { entriesOf, entryOf, messageOf, readAll } from '@bgs/testkit/log-entries.ts'
import { diskError, PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SegmentLog, type SegmentLogOptions } from './segment-log.ts'

function open(disk: PowerLossDisk, options: Partial<SegmentLogOptions> = {}): Promise<SegmentLog> {
  return SegmentLog.open({
    folder: 'log',
    disk,
    generation: 1,
    retentionMs: 3_600_000,
    retentionBytes: 2 ** 40,
    seenPosition: 0,
    clean: true,
    segmentBytes: 2_048,
    ...options,
  })
}

/** Appends batches of so many entries each; resolves to all seqs and what stands under them. */
async function fill(log: SegmentLog, sizes: readonly number[]): Promise<Map<number, Buffer>> {
  const written = new Map<number, Buffer>()
  for (const size of sizes) {
    const entries = Array.from({ length: size }, (_, i) => entryOf(written.size * 1_000 + i))
    const { firstSeq } = await log.append(entries)
    for (const [i, entry] of entries.entries()) written.set(firstSeq + i, messageOf(entry, firstSeq + i))
  }
  return written
}

async function messages(log: SegmentLog, from = FIRST_SEQ, maxBytes?: number): Promise<Map<number, Buffer>> {
  const all = entriesOf(await readAll(log, from, maxBytes))
  return new Map([...all].map(([seq, { message }]) => [seq, message]))
}

describe('the embedded log', () => {
  it('gives back what was appended, from any seq, in any portions, over any number of segments', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 25 })
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.nat(999),
        fc.constantFrom(1, 100, 1_000, 100_000),
        async (all, share, portion) => {
          const disk = new PowerLossDisk()
          const log = await open(disk)
          const tailed: LogBatch[] = []
          log.tail((batch) => tailed.push(batch))
          const written = await fill(log, all)
          expect([...entriesOf(tailed).keys()]).toEqual([...written.keys()])
          const from = FIRST_SEQ + Math.floor((share / 1_000) * written.size)
          for (const reader of [log, await open(disk)]) {
            // Twice: the second time index and hints that the first one left are used.
            for (let i = 0; i < 2; i++) {
              const read = await messages(reader, from, portion)
              for (const [seq, message] of written) if (seq >= from) expect(read.get(seq)).toEqual(message)
              expect([...read.keys()].at(-1)).toBe(FIRST_SEQ + written.size - 1)
            }
            expect(reader.bounds()).toEqual({
              first: FIRST_SEQ,
              next: FIRST_SEQ + written.size,
              evicted: false,
            })
            await reader.close()
          }
          expect(disk.openFiles).toBe(0)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('takes a batch larger than a segment, and one larger than the portion asked for', async () => {
    const log = await open(new PowerLossDisk())
    await log.append([entryOf(1)])
    const large = entryOf(2, 10_000)
    await log.append([large])
    await log.append([entryOf(3)])
    expect((await messages(log, FIRST_SEQ + 1, 1)).get(FIRST_SEQ + 1)).toEqual(
      messageOf(large, FIRST_SEQ + 1),
    )
  })

  it('takes a failed append back on a full disk, and the next one has its seq (LogFullError)', async () => {
    const disk = new PowerLossDisk()
    const log = await open(disk)
    const written = await fill(log, [3, 2])
    for (const room of [0, 1, 39, 600]) {
      const used = disk.paths().reduce((sum, path) => sum + disk.bytes(path).length, 0)
      disk.capacity = used + room
      const entries = Array.from({ length: 12 }, (_, i) => entryOf(90 + i))
      await expect(log.append(entries)).rejects.toThrow(LogFullError)
      expect(await messages(log), `with room for ${room} bytes`).toEqual(written)
      // Whatever power is lost now, the failed append left nothing behind.
      const after = await open(
        disk.afterPowerLoss(() => 0.99),
        { seenPosition: 0 },
      )
      expect(await messages(after)).toEqual(written)
      expect(after.cutBytes).toBe(0)
      disk.capacity = Number.POSITIVE_INFINITY
      const { firstSeq } = await log.append([entryOf(room)])
      expect(firstSeq).toBe(FIRST_SEQ + written.size)
      written.set(firstSeq, messageOf(entryOf(room), firstSeq))
    }
    expect(await messages(await open(disk))).toEqual(written)
  })

  it('leaves nothing of a failed append behind, whatever power is lost when the log has gone on elsewhere', async () => {
    for (let share = 0; share < 1; share += 0.04) {
      const disk = new PowerLossDisk()
      const log = await open(disk)
      const written = await fill(log, [6])
      disk.capacity = disk.bytes(disk.paths()[0] ?? '').length + 700
      await expect(log.append(Array.from({ length: 9 }, () => entryOf(9, 80)))).rejects.toThrow(LogFullError)
      disk.capacity = Number.POSITIVE_INFINITY
      const large = entryOf(10, 3_000)
      const { firstSeq } = await log.append([large])
      written.set(firstSeq, messageOf(large, firstSeq))
      expect(disk.paths()).toHaveLength(2)
      const found = disk.afterPowerLoss(() => share)
      expect(await messages(await open(found, { clean: false, generation: 2 }))).toEqual(written)
    }
  })

  it('finds every seq in a segment that is larger than the distance of its index', async () => {
    const disk = new PowerLossDisk()
    const segmentBytes = 64 * 2 ** 20
    const log = await open(disk, { segmentBytes })
    for (let i = 0; i < 14; i++) await log.append([entryOf(2 * i, 200_000), entryOf(2 * i + 1, 100_000)])
    expect(disk.paths()).toHaveLength(1)
    for (const reader of [log, await open(disk, { segmentBytes })]) {
      for (let seq = FIRST_SEQ + 27; seq >= FIRST_SEQ; seq--) {
        const [batch] = await reader.read(seq, 1_000)
        expect(batch?.firstSeq).toBe(seq - (seq % 2))
      }
    }
  })

  it.each(['EMFILE', 'ENFILE'])(
    'waits for a descriptor as for space, and begins the segment later (%s)',
    async (code) => {
      const disk = new PowerLossDisk()
      const log = await open(disk)
      const written = await fill(log, [6])
      const large = entryOf(9, 3_000)
      for (const failing of ['open', 'syncFolder'] as const) {
        disk.before = (operation) => {
          if (operation === failing) throw diskError(code)
        }
        await expect(log.append([large]), failing).rejects.toThrow(LogFullError)
      }
      disk.before = () => undefined
      const { firstSeq } = await log.append([large])
      written.set(firstSeq, messageOf(large, firstSeq))
      expect(await messages(log)).toEqual(written)
      await log.close()
      expect(disk.openFiles, 'none is left behind').toBe(0)
    },
  )

  it('can begin no segment on a full disk, and begins it later with the same seq', async () => {
    const disk = new PowerLossDisk()
    const log = await open(disk)
    disk.before = (operation) => {
      if (operation === 'syncFolder') throw diskError('ENOSPC')
    }
    await expect(log.append([entryOf(1)])).rejects.toThrow(LogFullError)
    disk.before = () => undefined
    expect((await log.append([entryOf(2)])).firstSeq).toBe(FIRST_SEQ)
    await log.close()
    expect(disk.openFiles).toBe(0)
  })

  it.each([
    ['datasync', 'EIO'],
    ['datasync', 'ENOSPC'],
    ['write', 'EIO'],
  ] as const)(
    'is unusable after a failed %s with %s: nobody knows what is on the disk (LogUnknownError)',
    async (failing, code) => {
      const disk = new PowerLossDisk()
      const log = await open(disk)
      const written = await fill(log, [2])
      disk.before = (operation) => {
        if (operation === failing) throw diskError(code)
      }
      await expect(log.append([entryOf(9)])).rejects.toThrow(LogUnknownError)
      disk.before = () => undefined
      await expect(log.append([entryOf(9)])).rejects.toThrow(LogUnknownError)
      expect(await messages(log), 'readers see only what is committed').toEqual(written)
    },
  )

  it('leaves seqs out after a crash, twice as many after two, and none after a proper end (invariant 10)', async () => {
    const disk = new PowerLossDisk()
    await fill(await open(disk), [5])
    const next = async (options: Partial<SegmentLogOptions>) => (await open(disk, options)).bounds().next
    expect(await next({ generation: 2, clean: true })).toBe(FIRST_SEQ + 5)
    expect(await next({ generation: 2, clean: false })).toBe(FIRST_SEQ + 5 + 2 ** 20)
    expect(await next({ generation: 3, clean: false })).toBe(FIRST_SEQ + 5 + 2 * 2 ** 20)
  })

  it('goes on far above what the database has seen where the log ends below it (invariant 10)', async () => {
    const disk = new PowerLossDisk()
    await fill(await open(disk), [5])
    const seen = FIRST_SEQ + 1_000
    const log = await open(disk, { seenPosition: seen })
    expect(log.bounds().next).toBe(seen + 1 + 2 ** 32)
    const { firstSeq } = await log.append([entryOf(1)])
    expect([...(await messages(log)).keys()].slice(-2)).toEqual([FIRST_SEQ + 4, firstSeq])
    const empty = await open(new PowerLossDisk(), { seenPosition: seen })
    expect(empty.bounds()).toMatchObject({ next: seen + 1 + 2 ** 32, evicted: true })
  })

  it('raises its generation above any it finds, whatever the lock says (invariant 9)', async () => {
    const disk = new PowerLossDisk()
    await fill(await open(disk, { generation: 7 }), [1])
    expect((await open(disk, { generation: 1 })).generation).toBe(8)
    expect((await open(disk, { generation: 20 })).generation).toBe(20)
  })
})

describe('retention', () => {
  it('removes whole segments beyond the bytes kept, never above the position (invariant 5)', async () => {
    const disk = new PowerLossDisk()
    const log = await open(disk, { retentionBytes: 3_000 })
    const written = await fill(log, new Array<number>(40).fill(4))
    const count = disk.paths().length
    expect(count).toBeGreaterThan(5)
    await log.trim(FIRST_SEQ - 1)
    expect(disk.paths()).toHaveLength(count)
    const position = FIRST_SEQ + 60
    await log.trim(position)
    const { first } = log.bounds()
    expect(first).toBeGreaterThan(FIRST_SEQ)
    expect(first).toBeLessThanOrEqual(position + 1)
    expect([...(await messages(log, first)).keys()]).toEqual(
      [...written.keys()].filter((seq) => seq >= first),
    )
    await log.trim(FIRST_SEQ + written.size)
    expect(disk.paths().reduce((sum, path) => sum + disk.bytes(path).length, 0)).toBeLessThanOrEqual(3_000)
    expect(log.bounds().evicted).toBe(true)
    await expect(log.read(FIRST_SEQ, 1_000)).rejects.toThrow(LogTrimmedError)
  })

  it('removes a segment when all of it is older than the window, and begins one at least each hour', async () => {
    let now = 1_000_000_000
    const disk = new PowerLossDisk()
    const log = await open(disk, { retentionMs: 3 * 3_600_000, now: () => now })
    for (let hour = 0; hour < 6; hour++) {
      await fill(log, [1])
      now += 3_600_001
    }
    expect(disk.paths()).toHaveLength(6)
    await log.trim(FIRST_SEQ + 100)
    // The oldest one kept began before the window: its last entry might lie in it.
    expect(log.bounds().first).toBe(FIRST_SEQ + 3)
  })

  it('keeps the last entries, however old the log and empty its newest segment (invariant 10)', async () => {
    const now = 1_000_000_000
    const disk = new PowerLossDisk()
    const log = await open(disk, { now: () => now })
    const written = await fill(log, [2])
    disk.put(`log/${String(FIRST_SEQ + 2).padStart(16, '0')}.seg`, new Uint8Array())
    const later = await open(disk, { now: () => now, seenPosition: FIRST_SEQ + 1 })
    await later.trim(FIRST_SEQ + 1)
    expect(await messages(later)).toEqual(written)
    const { firstSeq } = await later.append([entryOf(1)])
    await later.trim(firstSeq)
    expect((await messages(later)).size).toBe(3)
  })

  it('keeps the newest entries where a segment was begun behind them on a full disk', async () => {
    const disk = new PowerLossDisk()
    const log = await open(disk, { retentionBytes: 1 })
    const written = await fill(log, [4])
    disk.capacity = disk.bytes(disk.paths()[0] ?? '').length
    await expect(log.append([entryOf(1, 3_000)])).rejects.toThrow(LogFullError)
    expect(disk.paths()).toHaveLength(2)
    await log.trim(FIRST_SEQ + 3)
    expect(await messages(log)).toEqual(written)
  })

  it('lets a reader that is in a segment finish, and tells later ones that it is gone', async () => {
    const disk = new PowerLossDisk()
    const log = await open(disk, { retentionBytes: 1 })
    const written = await fill(log, new Array<number>(20).fill(4))
    const last = FIRST_SEQ + written.size - 1
    const reading = [FIRST_SEQ, FIRST_SEQ + 5, FIRST_SEQ + 30].map((from) => log.read(from, 500))
    await log.trim(last)
    for (const batches of await Promise.all(reading)) {
      expect(batches.length).toBeGreaterThan(0)
      for (const [seq, { message }] of entriesOf(batches)) expect(message).toEqual(written.get(seq))
    }
    await expect(log.read(FIRST_SEQ + 5, 500)).rejects.toThrow(LogTrimmedError)
    expect(disk.paths(), 'no reader brings a removed file back').toHaveLength(1)
    await log.close()
    expect(disk.openFiles).toBe(0)
  })

  it('throws nothing away because a clock was set for a moment, nor keeps all for good when it is set back', async () => {
    const hour = 3_600_000
    let wallMs = 1_000_000_000_000
    let monoMs = 77_000
    const clocks = { retentionMs: 3 * hour, now: () => wallMs, mono: () => monoMs }
    const pass = (ms: number) => {
      wallMs += ms
      monoMs += ms
    }
    const disk = new PowerLossDisk()
    let log = await open(disk, clocks)
    const step = async (ms: number, times = 1) => {
      for (let i = 0; i < times; i++) {
        pass(ms)
        await fill(log, [10, 10, 10])
        await log.trim(log.bounds().next)
      }
      return log.bounds().first
    }
    expect(await step(600_000, 10), 'all lies in the window').toBe(FIRST_SEQ)
    wallMs += 96 * hour
    expect(await step(4_000, 2), 'ahead for eight seconds').toBe(FIRST_SEQ)
    wallMs -= 96 * hour
    expect(await step(4_000), 'right again').toBe(FIRST_SEQ)
    await log.close()
    // A machine that starts with a wrong clock, which is set right a moment later.
    wallMs += 96 * hour
    log = await open(disk, clocks)
    await log.trim(log.bounds().next)
    expect(log.bounds().first, 'started with a wrong clock').toBe(FIRST_SEQ)
    wallMs -= 120 * hour
    const kept = await step(600_000, 12)
    expect(await step(600_000, 24 * 6 + 100 * 6), 'set back by a day for good').toBeGreaterThan(kept)
    const before = log.bounds().first
    expect(await step(600_000, 30)).toBeGreaterThan(before)
  })

  it('leaves no hole where a segment could not be removed, and removes it the next time', async () => {
    const disk = new PowerLossDisk()
    let now = 1_000_000_000
    const log = await open(disk, { now: () => now })
    const written = new Map<number, Buffer>()
    for (let i = 0; i < 6; i++) for (const [seq, message] of await fill(log, [20])) written.set(seq, message)
    const files = disk.paths()
    expect(files.length).toBeGreaterThan(4)
    now += 7_200_000
    for (const [seq, message] of await fill(log, [20])) written.set(seq, message)
    disk.before = (operation) => {
      if (operation === 'remove') throw diskError('EIO')
    }
    for (let i = 0; i < 3; i++) await expect(log.trim(log.bounds().next)).rejects.toThrow('EIO')
    expect(disk.paths().slice(0, files.length)).toEqual(files)
    expect(await messages(await open(disk, { now: () => now }))).toEqual(written)
    disk.before = () => undefined
    await log.trim(log.bounds().next)
    expect(disk.paths()).not.toContain(files[0])
    const { first } = log.bounds()
    expect(first).toBeGreaterThan(FIRST_SEQ)
    expect(await messages(await open(disk, { now: () => now }), first)).toEqual(await messages(log, first))
  })
})
