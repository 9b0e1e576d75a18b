import { join } from 'node:path'
import { LogTrimmedError, LogUnknownError } from '@bgs/contract/log/log.ts'
import { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { BATCH_HEADER_BYTES, type BatchHeader, batchIsWhole, readBatchHeader } from './batch-header.ts'
import type { Disk, DiskFile } from './disk.ts'

const NAME = /^(\d{16})\.seg$/

/** A point of the sparse index is kept for each so many bytes of a segment. */
const INDEX_EVERY_BYTES = 1024 * 1024
/** Where sequential readers will go on: so many are remembered for each segment. */
const MAX_HINTS = 256

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, '0')}.seg`
}

/** First seq of a segment file, undefined for any other file. */
export function segmentSeq(name: string): number | undefined {
  const match = NAME.exec(name)
  return match === null ? undefined : Number(match[1])
}

/** One file of the log: batches one after another. Knows where its batches are; `end` is the end of what is committed. */
export class Segment {
  readonly firstSeq: number
  readonly path: string
  end = 0
  /** Time of its first batch; the file's age is that of the segment after it. */
  firstTimeMs = 0
  readonly #disk: Disk
  /** A promise, so that two readers at once open it once. */
  #file: Promise<DiskFile> | undefined
  #index: { seq: number; at: number }[] = []
  readonly #hints = new Map<number, number>()
  #readers = 0
  /** One stretch of the file whose batches are known to be whole. */
  #wholeFrom = 0
  #wholeTo = 0
  #removed = false

  constructor(disk: Disk, folder: string, firstSeq: number) {
    this.#disk = disk
    this.firstSeq = firstSeq
    this.path = join(folder, segmentName(firstSeq))
  }

  async file(): Promise<DiskFile> {
    this.#file ??= this.#disk.open(this.path)
    try {
      return await this.#file
    } catch (error) {
      this.#file = undefined
      throw error
    }
  }

  /** Notes that a batch with these entries begins at `at`. */
  noteBatch(seq: number, at: number): void {
    const last = this.#index.at(-1)
    if (last === undefined || at - last.at >= INDEX_EVERY_BYTES) this.#index.push({ seq, at })
  }

  /** Forgets index points at or behind `at`, which a failed write may have left. */
  cutIndex(at: number): void {
    this.#index = this.#index.filter((point) => point.at < at)
  }

  /** Notes that these bytes are known to be as they were written: from here on they are read without looking. */
  noteWhole(from: number, to: number): void {
    if (from > this.#wholeTo || to < this.#wholeFrom) {
      // Not next to what is known: the longer stretch is kept.
      if (to - from <= this.#wholeTo - this.#wholeFrom) return
      this.#wholeFrom = from
      this.#wholeTo = to
      return
    }
    this.#wholeFrom = Math.min(this.#wholeFrom, from)
    this.#wholeTo = Math.max(this.#wholeTo, to)
  }

  /** Batches from the one holding `fromSeq` on; see LogReader.read. Empty when `fromSeq` lies behind the end. */
  async read(fromSeq: number, maxBytes: number, into?: Buffer): Promise<LogBatch[]> {
    if (this.#removed) throw new LogTrimmedError(`seq ${fromSeq} is no longer retained`)
    this.#readers++
    try {
      const file = await this.file()
      let at = this.#hints.get(fromSeq) ?? this.#nearest(fromSeq)
      this.#hints.delete(fromSeq)
      const batches: LogBatch[] = []
      let chunk = into ?? Buffer.allocUnsafe(Math.max(maxBytes, BATCH_HEADER_BYTES))
      while (batches.length === 0 && at < this.end) {
        const got = await file.read(chunk.subarray(0, Math.min(chunk.length, this.end - at)), at)
        let inChunk = 0
        let header = readBatchHeader(chunk, 0)
        if (got < BATCH_HEADER_BYTES || header === undefined) throw this.#damaged(at)
        while (header !== undefined && inChunk + BATCH_HEADER_BYTES + header.batchBytes <= got) {
          const sealedEnd = inChunk + BATCH_HEADER_BYTES + header.batchBytes
          this.noteBatch(header.firstSeq, at + inChunk)
          if (header.firstSeq + header.count > fromSeq) {
            const sealed = chunk.subarray(inChunk, sealedEnd)
            this.#check(sealed, header, at + inChunk)
            batches.push(new LogBatch(sealed.subarray(BATCH_HEADER_BYTES), header.firstSeq))
          }
          inChunk = sealedEnd
          header = inChunk + BATCH_HEADER_BYTES <= got ? readBatchHeader(chunk, inChunk) : undefined
        }
        at += inChunk
        if (inChunk > 0 || header === undefined) continue
        // A single batch larger than the chunk: read it whole.
        const sealedBytes = BATCH_HEADER_BYTES + header.batchBytes
        if (at + sealedBytes > this.end) throw this.#damaged(at)
        chunk = Buffer.allocUnsafe(sealedBytes)
      }
      const last = batches.at(-1)
      if (last !== undefined) this.#remember(last.lastSeq + 1, at)
      return batches
    } finally {
      this.#readers--
      if (this.#removed && this.#readers === 0) await this.close()
    }
  }

  /** Calls back for each whole batch from the start until one is not; returns where that is. */
  async scan(upTo: number, onBatch: (header: BatchHeader, at: number) => void): Promise<number> {
    const file = await this.file()
    const head = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
    let at = 0
    while (at + BATCH_HEADER_BYTES <= upTo) {
      if ((await file.read(head, at)) < BATCH_HEADER_BYTES) break
      const header = readBatchHeader(head, 0)
      if (header === undefined || at + BATCH_HEADER_BYTES + header.batchBytes > upTo) break
      const sealed = Buffer.allocUnsafe(BATCH_HEADER_BYTES + header.batchBytes)
      await file.read(sealed, at)
      if (!batchIsWhole(sealed, header)) break
      onBatch(header, at)
      at += BATCH_HEADER_BYTES + header.batchBytes
    }
    return at
  }

  /** Removes the file; readers that are in it finish first. */
  async remove(): Promise<void> {
    await this.retire()
    await this.#disk.remove(this.path)
  }

  /** Takes no more readers, and is closed when those that are in it are through. */
  async retire(): Promise<void> {
    this.#removed = true
    // A reader that is opening it would otherwise create it anew.
    await this.#file?.catch(() => undefined)
    if (this.#readers === 0) await this.close()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await (await file)?.close()
  }

  get idle(): boolean {
    return this.#readers === 0
  }

  /** Each batch is looked at once in the life of a process: the checksum costs as much as all else in a replay. */
  #check(sealed: Buffer, header: BatchHeader, at: number): void {
    if (at >= this.#wholeFrom && at + sealed.length <= this.#wholeTo) return
    if (!batchIsWhole(sealed, header)) throw this.#damaged(at)
    this.noteWhole(at, at + sealed.length)
  }

  #nearest(seq: number): number {
    let low = 0
    let high = this.#index.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#index[middle] as { seq: number }).seq <= seq) low = middle + 1
      else high = middle
    }
    return this.#index[low - 1]?.at ?? 0
  }

  #remember(seq: number, at: number): void {
    this.#hints.set(seq, at)
    if (this.#hints.size > MAX_HINTS) this.#hints.delete(this.#hints.keys().next().value as number)
  }

  #damaged(at: number): LogUnknownError {
    return new LogUnknownError(
      `${this.path} is damaged at byte ${at}: stop the relay and run repair --accept-gap`,
    )
  }
}
