import { crc32 } from 'node:zlib'
import { FIRST_SEQ, LogUnknownError } from '@bgs/contract/log/log.ts'
import { BATCH_VERSION } from '@bgs/contract/log/log-batch.ts'
import { entriesOf, entryOf, readAll } from '@bgs/testkit/log-entries.ts'
import { PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BATCH_HEADER_BYTES } from './batch-header.ts'
import { SegmentLog } from './segment-log.ts'

const GAP = 2 ** 20

function open(disk: PowerLossDisk, acceptGap = false, clean = true): Promise<SegmentLog> {
  return SegmentLog.open({
    folder: 'log',
    disk,
    generation: 1,
    retentionMs: 3_600_000,
    retentionBytes: 2 ** 40,
    seenPosition: 0,
    clean,
    segmentBytes: 4_096,
    acceptGap,
  })
}

/** A log of so many batches of two entries, and where each of them ends in the newest segment. */
async function written(batches: number): Promise<{ disk: PowerLossDisk; path: string; ends: number[] }> {
  const disk = new PowerLossDisk()
  const log = await open(disk)
  const ends: number[] = []
  let path = ''
  for (let i = 0; i < batches; i++) {
    await log.append([entryOf(2 * i, 100), entryOf(2 * i + 1, 150)])
    const newest = disk.paths().at(-1) ?? ''
    if (newest !== path) ends.length = 0
    path = newest
    ends.push(disk.bytes(path).length)
  }
  await log.close()
  return { disk, path, ends }
}

async function seqs(log: SegmentLog): Promise<number[]> {
  return [...entriesOf(await readAll(log, log.bounds().first)).keys()]
}

function range(count: number, from = FIRST_SEQ): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

describe('a damaged log', () => {
  it('cut off anywhere is good up to the last whole append, and leaves seqs out behind it (invariant 10)', async () => {
    const { disk, path, ends } = await written(6)
    const bytes = disk.bytes(path)
    for (let length = 0; length < bytes.length; length++) {
      disk.put(path, bytes.subarray(0, length))
      const log = await open(disk)
      const whole = ends.filter((end) => end <= length)
      expect(await seqs(log)).toEqual(range(2 * whole.length))
      expect(log.cutBytes).toBe(length - (whole.at(-1) ?? 0))
      expect(log.bounds().next).toBe(FIRST_SEQ + 2 * whole.length + (log.cutBytes === 0 ? 0 : GAP))
      await log.close()
      expect(disk.openFiles).toBe(0)
    }
  })

  it('is found at the first look at a batch in the life of a process, and not looked for again', async () => {
    const { disk } = await written(40)
    const [oldest = ''] = disk.paths()
    const at = BATCH_HEADER_BYTES + 20
    const before = disk.bytes(oldest).subarray(at, at + 1)
    const file = await disk.open(oldest)
    const spoil = () => file.write(Uint8Array.of((before[0] as number) ^ 1), at)
    const log = await open(disk)
    await spoil()
    await expect(log.read(FIRST_SEQ, 1)).rejects.toThrow(LogUnknownError)
    await file.write(Uint8Array.from(before), at)
    expect(await log.read(FIRST_SEQ, 1)).toHaveLength(1)
    await spoil()
    expect(await log.read(FIRST_SEQ, 1)).toHaveLength(1)
    await log.close()
    await file.close()
  })

  it('with any garbage behind its end is cut there, and appends go on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (garbage) => {
        const { disk, path } = await written(3)
        const whole = disk.bytes(path)
        disk.put(path, Buffer.concat([whole, garbage]))
        const log = await open(disk)
        expect(log.cutBytes).toBe(garbage.length)
        expect(disk.bytes(path)).toEqual(whole)
        const { firstSeq } = await log.append([entryOf(1)])
        expect(await seqs(log)).toEqual([...range(6), firstSeq])
      }),
      { numRuns: 50 },
    )
  })

  it('with a changed byte before whole entries does not open, and says what repair would cost', async () => {
    const { disk, path, ends } = await written(4)
    const whole = disk.bytes(path)
    for (let at = 0; at < (ends[2] as number); at += 3) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ 0x10
      disk.put(path, bytes)
      const good = ends.filter((end) => end <= at)
      const lost = whole.length - (good.at(-1) ?? 0)
      await expect(open(disk)).rejects.toThrow(`repair --accept-gap would give up ${lost} bytes`)
      await expect(open(disk)).rejects.toThrow(LogUnknownError)
      expect(disk.bytes(path), 'nothing was changed by looking').toEqual(bytes)
      expect(disk.openFiles).toBe(0)
      const log = await open(disk, true)
      expect(await seqs(log)).toEqual(range(2 * good.length))
      expect(log.cutBytes).toBe(lost)
      expect(log.bounds().next).toBe(FIRST_SEQ + 2 * good.length + GAP)
      await log.close()
    }
  })

  it('in an older segment says so to who reads it, and repair gives up the rest of that segment only', async () => {
    const { disk } = await written(30)
    const [first = '', second = ''] = disk.paths()
    expect(disk.paths().length).toBeGreaterThan(2)
    const bytes = disk.bytes(first)
    const length = bytes.readUInt32LE(4) + BATCH_HEADER_BYTES
    bytes[length + 60] = (bytes[length + 60] as number) ^ 1
    disk.put(first, bytes)
    const log = await open(disk)
    await expect(log.read(FIRST_SEQ + 2, 1_000)).rejects.toThrow('repair --accept-gap')
    await log.close()
    const mended = await open(disk, true)
    const from = Number(/(\d+)\.seg/.exec(second)?.[1])
    expect(await seqs(mended)).toEqual([FIRST_SEQ, FIRST_SEQ + 1, ...range(FIRST_SEQ + 60 - from, from)])
    expect(mended.cutBytes).toBe(bytes.length - length)
  })

  it('in an older segment that is cut short says so, and does not read on for ever', async () => {
    const { disk } = await written(30)
    const [first = ''] = disk.paths()
    const bytes = disk.bytes(first)
    disk.put(first, bytes.subarray(0, bytes.length - 5))
    const log = await open(disk)
    await expect(readAll(log, FIRST_SEQ)).rejects.toThrow(LogUnknownError)
  })

  it('with an empty newest segment goes on where the one before it ends, whose torn tail is cut, too', async () => {
    const { disk, path } = await written(3)
    disk.put(`log/${String(FIRST_SEQ + 6).padStart(16, '0')}.seg`, new Uint8Array())
    const clean = await open(disk)
    expect(clean.bounds()).toMatchObject({ first: FIRST_SEQ, next: FIRST_SEQ + 6 })
    await clean.close()
    disk.put(`log/${String(FIRST_SEQ + 6).padStart(16, '0')}.seg`, new Uint8Array())
    disk.put(path, disk.bytes(path).subarray(0, -1))
    const torn = await open(disk)
    expect(torn.cutBytes).toBeGreaterThan(0)
    expect(await seqs(torn)).toEqual(range(4))
    expect(torn.bounds().next).toBeGreaterThan(FIRST_SEQ + 6)
  })

  it('without any entry keeps the seq that its only segment is named for', async () => {
    const disk = new PowerLossDisk()
    disk.put(`log/${String(FIRST_SEQ + 500).padStart(16, '0')}.seg`, new Uint8Array())
    const log = await open(disk)
    expect((await log.append([entryOf(1)])).firstSeq).toBe(FIRST_SEQ + 500)
  })

  it('of a version not known here stops the reader (invariant 17)', async () => {
    const disk = new PowerLossDisk()
    const log = await open(disk)
    const batch = await log.append([entryOf(1)])
    expect(batch.bytes.readUInt32LE(0)).toBe(BATCH_VERSION)
    const [path = ''] = disk.paths()
    const bytes = disk.bytes(path)
    // A newer writer's batch is whole in itself: its checksum fits.
    bytes.writeUInt32LE(BATCH_VERSION + 1, BATCH_HEADER_BYTES)
    bytes.writeUInt32LE(crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8))), 8)
    disk.put(path, bytes)
    const reopened = await open(disk)
    expect(reopened.cutBytes, 'it is no damage').toBe(0)
    await expect(readAll(reopened, FIRST_SEQ)).rejects.toThrow('is not known here')
  })

  it('with files of other names beside it does not mind them', async () => {
    const { disk } = await written(2)
    disk.put('log/notes.txt', Buffer.from('x'))
    expect(await seqs(await open(disk))).toEqual(range(4))
  })
})
