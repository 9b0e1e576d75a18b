import { join } from 'node:path'
import { LogUnknownError } from '@bgs/contract/log/log.ts'
import { DataLock } from '@bgs/database/lock.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { viewPosition } from '@bgs/sequencer/view.ts'
import { giveUpGap } from './give-up-gap.ts'

/**
 * Says what stands between this data folder and a start, and with `acceptGap` gives up what is lost: damaged bytes in
 * the log, and entries that the log no longer holds and the database never saw (invariant 5).
 */
export async function repair(
  settings: Settings,
  acceptGap: boolean,
  print: (text: string) => number,
): Promise<number> {
  const folder = settings.RELAY_DATA_DIR
  const lock = DataLock.take(folder)
  const database = await SqliteDatabase.open(join(folder, 'state.db'))
  try {
    const position = await viewPosition(database)
    const log = await SegmentLog.open({
      folder: join(folder, 'log'),
      disk: nodeDisk,
      generation: lock.generation,
      retentionMs: settings.RELAY_RETENTION_HOURS * 3_600_000,
      retentionBytes: Number.MAX_SAFE_INTEGER,
      seenPosition: position,
      clean: lock.clean,
      acceptGap,
    })
    const bounds = log.bounds()
    await log.close()
    const whole = log.cutBytes > 0 ? `cut ${log.cutBytes} bytes off the log` : undefined
    return await giveUpGap(database, { bounds, position }, acceptGap, print, whole)
  } catch (error) {
    if (!(error instanceof LogUnknownError)) throw error
    print(error.message)
    return 1
  } finally {
    await database.close()
  }
}
