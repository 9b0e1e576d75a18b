import { mkdir } from 'node:fs/promises'
import { DataLock } from '@bgs/database/lock.ts'
import { type Disk, nodeDisk } from '@bgs/embedded/log/disk.ts'

/** What a process has of its machine beside clocks and the network. A simulation gives it another one. */
export interface Machine {
  readonly disk: Disk
  /** Makes a folder, and those above it, where they are missing. */
  makeFolder(path: string): Promise<void>
  /** Takes the lock of the data folder. Throws LockedError. */
  lock(folder: string): Pick<DataLock, 'generation' | 'clean' | 'release'>
}

/** This one. */
export const thisMachine: Machine = {
  disk: nodeDisk,
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true })
  },
  lock: (folder) => DataLock.take(folder),
}
