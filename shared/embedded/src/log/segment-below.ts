import { join } from 'node:path'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { BATCH_HEADER_BYTES, sealBatch } from './batch-header.ts'
import type { Disk, DiskFile } from './disk.ts'
import { Segment, segmentName } from './segment.ts'

/** What is being made has a name that no segment has: after a crash nobody takes it for one. */
const UNFINISHED = 'below.tmp'

/**
 * A segment in the making that goes below all that a copy of a log holds: its batches come from the oldest to the newest, and
 * only when all of them are durable it gets its name. One at a time.
 */
export class SegmentBelow {
  readonly #disk: Disk
  readonly #folder: string
  readonly #generation: number
  readonly #file: DiskFile
  readonly #batches: { readonly seq: number; readonly at: number }[] = []
  #bytes = 0
  #lastSeq = -1
  #firstTimeMs = 0

  private constructor(disk: Disk, folder: string, generation: number, file: DiskFile) {
    this.#disk = disk
    this.#folder = folder
    this.#generation = generation
    this.#file = file
  }

  static async begin(disk: Disk, folder: string, generation: number): Promise<SegmentBelow> {
    const file = await disk.open(join(folder, UNFINISHED))
    await file.truncate(0)
    return new SegmentBelow(disk, folder, generation, file)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Time of its first batch; undefined while it has none. */
  get firstTimeMs(): number | undefined {
    return this.#batches.length === 0 ? undefined : this.#firstTimeMs
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Adds a batch behind those before it. Throws what the disk does. */
  async add(batch: LogBatch, timeMs: number): Promise<void> {
    const { firstSeq, count, bytes } = batch
    if (firstSeq <= this.#lastSeq) throw new RangeError(`seq ${firstSeq} does not follow ${this.#lastSeq}`)
    const head = Buffer.allocUnsafe(BATCH_HEADER_BYTES)
    sealBatch(head, bytes, { generation: this.#generation, firstSeq, timeMs, count })
    await this.#file.write(head, this.#bytes)
    await this.#file.write(bytes, this.#bytes + head.length)
    if (this.#batches.length === 0) this.#firstTimeMs = timeMs
    this.#batches.push({ seq: firstSeq, at: this.#bytes })
    this.#bytes += head.length + bytes.length
    this.#lastSeq = batch.lastSeq
  }

  /** Makes it a segment of the folder, durably; undefined where nothing was added. */
  async finish(): Promise<Segment | undefined> {
    const [first] = this.#batches
    if (first === undefined) {
      await this.discard()
      return undefined
    }
    await this.#file.datasync()
    await this.#file.close()
    await this.#disk.rename(join(this.#folder, UNFINISHED), join(this.#folder, segmentName(first.seq)))
    await this.#disk.syncFolder(this.#folder)
    const segment = new Segment(this.#disk, this.#folder, first.seq)
    segment.end = this.#bytes
    segment.firstTimeMs = this.#firstTimeMs
    for (const { seq, at } of this.#batches) segment.noteBatch(seq, at)
    segment.noteWhole(0, this.#bytes)
    return segment
  }

  async discard(): Promise<void> {
    await this.#file.close()
    await this.#disk.remove(join(this.#folder, UNFINISHED))
  }
}
