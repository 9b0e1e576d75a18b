import { join } from 'node:path'
import { checkNoGap, GapError } from '@bgs/sequencer/bring-up.ts'
import { viewPosition } from '@bgs/sequencer/view.ts'
import { DataLock } from '@bgs/shared/db/lock.ts'
import { SqliteDatabase } from '@bgs/shared/db/sqlite.ts'
import { nodeDisk } from '@bgs/shared/log/disk.ts'
import { LogUnknownError } from '@bgs/shared/log/log.ts'
import { SegmentLog } from '@bgs/shared/log/segment-log.ts'
import type { Settings } from '@bgs/shared/service/settings.ts'

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
    try {
      checkNoGap(bounds, position)
      return print(log.cutBytes > 0 ? `cut ${log.cutBytes} bytes off the log` : 'nothing is to be repaired')
    } catch (error) {
      if (!(error instanceof GapError)) throw error
      if (!acceptGap) {
        print(error.message)
        return 1
      }
      await database.transaction([
        {
          sql: 'UPDATE view SET position = $1 WHERE id = 1 AND position = $2',
          rows: [[bounds.first - 1, position]],
          expect: 1,
        },
      ])
      return print(`the database goes on from ${bounds.first}; given up: ${bounds.first - position - 1} seqs`)
    }
  } catch (error) {
    if (!(error instanceof LogUnknownError)) throw error
    print(error.message)
    return 1
  } finally {
    await database.close()
  }
}
