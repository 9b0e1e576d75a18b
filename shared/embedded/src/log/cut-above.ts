import { BATCH_HEADER_BYTES } from './batch-header.ts'
import type { Disk } from './disk.ts'
import { Segment, segmentSeq } from './segment.ts'

/**
 * Removes what lies above a seq from the segment files of a copy that nobody has open: what the log that it is a copy of
 * has lost. Durable before it resolves.
 */
export async function cutAbove(disk: Disk, folder: string, seq: number): Promise<void> {
  const starts = (await disk.list(folder)).map(segmentSeq).filter((start) => start !== undefined)
  // From the newest on: interrupted, it leaves no hole.
  for (const start of starts.toSorted((a, b) => b - a)) {
    const segment = new Segment(disk, folder, start)
    if (start > seq) {
      await segment.remove()
      continue
    }
    const file = await segment.file()
    let end = 0
    await segment.scan(await file.size(), ({ firstSeq, batchBytes }, at) => {
      if (firstSeq <= seq) end = at + BATCH_HEADER_BYTES + batchBytes
    })
    await file.truncate(end)
    await file.datasync()
    await segment.close()
    break
  }
  await disk.syncFolder(folder)
}
