import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process holds the data folder. */
export class LockedError extends Error {
  override name = 'LockedError'
  readonly code = 'locked'
}

/**
 * The lock of an embedded relay's data folder (invariant 9): held by the operating system as long as the process
 * lives, released however it ends. Each holder gets a generation that no holder before it had, and is told whether
 * the one before it closed properly.
 */
export class DataLock {
  readonly generation: number
  readonly clean: boolean
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync, generation: number, clean: boolean) {
    this.#database = database
    this.generation = generation
    this.clean = clean
  }

  /** Throws LockedError while another process holds the folder. */
  static take(folder: string): DataLock {
    const database = new DatabaseSync(join(folder, 'lock.db'))
    try {
      database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; BEGIN EXCLUSIVE')
      // The table is stored as `held`: older relays have written it.
      database.exec(
        'CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY, generation INTEGER, clean INTEGER)',
      )
      database.exec('INSERT OR IGNORE INTO held VALUES (1, 0, 1)')
      const row = database.prepare('SELECT generation, clean FROM held WHERE id = 1').get() as {
        generation: number
        clean: number
      }
      database.exec('UPDATE held SET generation = generation + 1, clean = 0 WHERE id = 1; COMMIT')
      return new DataLock(database, row.generation + 1, row.clean === 1)
    } catch (error) {
      database.close()
      if (/locked|busy/i.test((error as Error).message))
        throw new LockedError(`another relay is running on ${folder}`, { cause: error })
      throw error
    }
  }

  /** Lets go after everything was written: the next holder need not assume a crash. */
  release(): void {
    this.#database.exec('UPDATE held SET clean = 1 WHERE id = 1')
    this.#database.close()
  }
}
