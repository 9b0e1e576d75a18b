import type { Disk } from '@bgs/shared/log/disk.ts'
import type { Settings } from '@bgs/shared/service/settings.ts'

/** Bytes of one segment file. */
const MIN_SEGMENT_BYTES = 256 * 1024
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024

/** Bytes of the replay window on this disk: as set, or half of what is free now. */
export async function retentionBytes(settings: Settings, disk: Disk, folder: string): Promise<number> {
  return settings.RELAY_RETENTION_BYTES ?? Math.max(1, Math.floor((await disk.space(folder)).free / 2))
}

/** Whole segments are trimmed: small enough that the window ends about where its setting says. */
export function segmentBytes(retention: number): number {
  return Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, Math.floor(retention / 16)))
}
