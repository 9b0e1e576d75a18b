import { join } from 'node:path'
import type { Disk } from '@bgs/embedded/log/disk.ts'
import { segmentSeq } from '@bgs/embedded/log/segment.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'

/** Bytes of one segment file. */
const MIN_SEGMENT_BYTES = 256 * 1024
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024

/**
 * Bytes of the replay window on this disk: as set, or half of what is free and what the log in this folder takes already,
 * so that the window is the same after a restart.
 */
export async function retentionBytes(settings: Settings, disk: Disk, logFolder: string): Promise<number> {
  if (settings.RELAY_RETENTION_BYTES !== undefined) return settings.RELAY_RETENTION_BYTES
  const { free } = await disk.space(logFolder)
  return Math.max(1, Math.floor((free + (await logBytes(disk, logFolder))) / 2))
}

/** Whole segments are trimmed: small enough that the window ends about where its setting says. */
export function segmentBytes(retention: number): number {
  return Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, Math.floor(retention / 16)))
}

async function logBytes(disk: Disk, folder: string): Promise<number> {
  let bytes = 0
  for (const name of await disk.list(folder)) {
    if (segmentSeq(name) === undefined) continue
    const file = await disk.open(join(folder, name))
    bytes += await file.size()
    await file.close()
  }
  return bytes
}
