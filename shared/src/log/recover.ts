import type { Disk } from './disk.ts'
import { GROUP_HEADER_BYTES, groupIsWhole, readGroupHeader } from './group.ts'
import { LogUnknownError } from './log.ts'
import { Segment, segmentSeq } from './segment.ts'

export interface Recovered {
  readonly segments: Segment[]
  /** Highest generation and the seq behind the last entry found; 0 where the log is empty. */
  readonly generation: number
  readonly next: number
  /** Bytes cut off the end of the last segment: a write that was never committed, or a damaged tail. */
  readonly cutBytes: number
}

/**
 * Opens what an earlier process left in the folder. A torn tail (an append that was under way) is cut. Damage
 * with whole groups behind it is not a torn tail: LogUnknownError, so that an operator decides, unless
 * `acceptGap`, which cuts there too.
 */
export async function recover(disk: Disk, folder: string, acceptGap: boolean): Promise<Recovered> {
  const starts = (await disk.list(folder)).map(segmentSeq).filter((seq) => seq !== undefined)
  starts.sort((a, b) => a - b)
  const segments: Segment[] = []
  let cutBytes = 0
  let generation = 0
  let next = 0
  for (const [i, start] of starts.entries()) {
    const segment = new Segment(disk, folder, start)
    const file = await segment.file()
    const size = await file.size()
    const isLast = i === starts.length - 1
    if (!isLast) {
      const head = Buffer.alloc(GROUP_HEADER_BYTES)
      const read = await file.read(head, 0)
      segment.end = size
      segment.firstTimeMs = read === GROUP_HEADER_BYTES ? (readGroupHeader(head, 0)?.timeMs ?? 0) : 0
      await segment.close()
      if (size > 0) segments.push(segment)
      else await segment.remove()
      continue
    }
    segment.end = await segment.scan(
      size,
      (header, at) => {
        if (at === 0) segment.firstTimeMs = header.timeMs
        segment.noteGroup(header.firstSeq, at)
        generation = Math.max(generation, header.generation)
        next = header.firstSeq + header.count
      },
      true,
    )
    if (segment.end < size) {
      const behind = await wholeGroupBehind(file, segment.end, size)
      if (behind !== undefined && !acceptGap)
        throw new LogUnknownError(
          `${segment.path} is damaged at byte ${segment.end}, with whole entries from byte ${behind} on: ` +
            `repair --accept-gap would give up ${size - segment.end} bytes`,
        )
      cutBytes = size - segment.end
      await file.truncate(segment.end)
      await file.datasync()
    }
    segments.push(segment)
  }
  // The last segment may have been created and never written: the one before it then says where the log ends.
  const last = segments.at(-1)
  if (next === 0 && last !== undefined) {
    const before = segments.at(-2)
    next = last.firstSeq
    await before?.scan(
      before.end,
      (header) => {
        generation = Math.max(generation, header.generation)
        next = Math.max(next, header.firstSeq + header.count)
      },
      false,
    )
    await before?.close()
  }
  return { segments, generation, next, cutBytes }
}

async function wholeGroupBehind(
  file: { read(into: Uint8Array, position: number): Promise<number> },
  from: number,
  size: number,
): Promise<number | undefined> {
  const rest = Buffer.allocUnsafe(size - from)
  await file.read(rest, from)
  const magic = Buffer.from([0x47, 0x53, 0x47, 0x42])
  for (let at = rest.indexOf(magic, 1); at !== -1; at = rest.indexOf(magic, at + 1)) {
    const header = readGroupHeader(rest, at)
    if (header === undefined) continue
    if (groupIsWhole(rest.subarray(at, at + GROUP_HEADER_BYTES + header.packBytes), header)) return from + at
  }
  return undefined
}
