import { LogUnknownError } from '@bgs/contract/log/log.ts'
import { BATCH_HEADER_BYTES, batchIsWhole, readBatchHeader } from './batch-header.ts'
import type { Disk } from './disk.ts'
import { Segment, segmentSeq } from './segment.ts'

export interface Recovered {
  readonly segments: Segment[]
  /** Generation of the last entry found and the seq behind it; 0 where the log is empty. */
  readonly generation: number
  readonly next: number
  /** Time of the last batch found; 0 where the log is empty. */
  readonly newestMs: number
  /** Seq that the newest segment is named for, even if nothing stands in it; 0 without any. */
  readonly named: number
  /** Bytes cut off the end of the last segment: a write that was never committed, or a damaged tail. */
  readonly cutBytes: number
}

/**
 * Opens what an earlier process left in the folder. A torn tail (an append that was under way) is cut. Damage
 * with whole batches behind it is not a torn tail: LogUnknownError, so that an operator decides, unless
 * `acceptGap`, which looks through every segment and cuts it where it is damaged. Of a log that holds nothing the newest
 * segment stays for its name, which says what seqs were given; a copy gives none (`isCopy`), and may begin anywhere.
 */
export async function recover(
  disk: Disk,
  folder: string,
  { acceptGap, isCopy }: { readonly acceptGap: boolean; readonly isCopy: boolean },
): Promise<Recovered> {
  const starts = (await disk.list(folder)).map(segmentSeq).filter((seq) => seq !== undefined)
  starts.sort((a, b) => b - a)
  const segments: Segment[] = []
  const found = { generation: 0, next: 0, newestMs: 0, named: starts[0] ?? 0, cutBytes: 0 }
  // From the newest to the first that holds something: behind that one only what was never committed can lie.
  for (const start of starts) {
    const segment = new Segment(disk, folder, start)
    if (segments.length === 0 || acceptGap) await examine(segment, acceptGap, found)
    else await trust(segment)
    if (segments.length > 0) await segment.close()
    const isNamed = !isCopy && segments.length === 0 && start === starts.at(-1)
    if (segment.end > 0 || isNamed) segments.unshift(segment)
    else await segment.remove()
  }
  return { segments, ...found }
}

/** Reads a segment through, and cuts what does not belong to it. */
async function examine(
  segment: Segment,
  acceptGap: boolean,
  found: { generation: number; next: number; newestMs: number; cutBytes: number },
): Promise<void> {
  const file = await segment.file()
  const size = await file.size()
  segment.end = await segment.scan(size, (header, at) => {
    if (at === 0) segment.firstTimeMs = header.timeMs
    segment.noteBatch(header.firstSeq, at)
    found.generation = Math.max(found.generation, header.generation)
    found.newestMs = Math.max(found.newestMs, header.timeMs)
    found.next = Math.max(found.next, header.firstSeq + header.count)
  })
  if (segment.end === size) return
  const behind = acceptGap ? undefined : await wholeBatchBehind(file, segment.end, size)
  if (behind !== undefined) {
    await segment.close()
    throw new LogUnknownError(
      `${segment.path} is damaged at byte ${segment.end}, with whole entries from byte ${behind} on: ` +
        `repair --accept-gap would give up ${size - segment.end} bytes`,
    )
  }
  found.cutBytes += size - segment.end
  await file.truncate(segment.end)
  await file.datasync()
}

/** An older segment was whole before the next one was begun: its batches are checked when they are read. */
async function trust(segment: Segment): Promise<void> {
  const file = await segment.file()
  const head = Buffer.alloc(BATCH_HEADER_BYTES)
  const read = await file.read(head, 0)
  segment.end = await file.size()
  segment.firstTimeMs = read === BATCH_HEADER_BYTES ? (readBatchHeader(head, 0)?.timeMs ?? 0) : 0
}

async function wholeBatchBehind(
  file: { read(into: Uint8Array, position: number): Promise<number> },
  from: number,
  size: number,
): Promise<number | undefined> {
  const rest = Buffer.allocUnsafe(size - from)
  await file.read(rest, from)
  const magic = Buffer.from([0x47, 0x53, 0x47, 0x42])
  for (let at = rest.indexOf(magic, 1); at !== -1; at = rest.indexOf(magic, at + 1)) {
    const header = readBatchHeader(rest, at)
    if (header === undefined) continue
    if (batchIsWhole(rest.subarray(at, at + BATCH_HEADER_BYTES + header.batchBytes), header)) return from + at
  }
  return undefined
}
