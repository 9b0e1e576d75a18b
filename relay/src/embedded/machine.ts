import { mkdir } from 'node:fs/promises'
import type { Database } from '@bgs/contract/database.ts'
import { DataLock } from '@bgs/database/lock.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { type Disk, nodeDisk } from '@bgs/embedded/log/disk.ts'

/** What an embedded relay has of its machine beside clocks and the network. A simulation gives it another one. */
export interface Machine {
  readonly disk: Disk
  /** Makes a folder, and those above it, where they are missing. */
  makeFolder(path: string): Promise<void>
  /** Takes the lock of the data folder. Throws LockedError. */
  lock(folder: string): Pick<DataLock, 'generation' | 'clean' | 'release'>
  /** Opens or creates the database. Throws SchemaError. */
  openDatabase(path: string): Promise<Database>
}

/** This one. */
export const thisMachine: Machine = {
  disk: nodeDisk,
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true })
  },
  lock: (folder) => DataLock.take(folder),
  openDatabase: (path) => SqliteDatabase.open(path),
}
