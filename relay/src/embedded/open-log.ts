import type { DataLock } from '@bgs/database/lock.ts'
import type { Disk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { retentionBytes, segmentBytes } from '../retention.ts'

interface LogPlace {
  readonly folder: string
  readonly disk: Disk
  readonly lock: Pick<DataLock, 'generation' | 'clean'>
  /** Position of the database: the log may not end below it. */
  readonly seenPosition: number
}

/** Opens the log of an embedded relay, and tells of a torn tail. */
export async function openLog(
  settings: Settings,
  logger: Logger,
  { folder, disk, lock, seenPosition }: LogPlace,
): Promise<SegmentLog> {
  const bytes = await retentionBytes(settings, disk, folder)
  const log = await SegmentLog.open({
    folder,
    disk,
    generation: lock.generation,
    retentionMs: settings.RELAY_RETENTION_HOURS * 3_600_000,
    retentionBytes: bytes,
    segmentBytes: segmentBytes(bytes),
    seenPosition,
    clean: lock.clean,
  })
  if (log.cutBytes > 0)
    logger.warn({ bytes: log.cutBytes }, 'cut a torn tail off the log: an append that was never committed')
  return log
}
