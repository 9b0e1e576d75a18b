import { constants, write } from 'node:fs'
import { type FileHandle, open, readdir, rename, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The few things that the log asks of a file system. The real one is `nodeDisk`; tests put one in its place that
 * loses what was not synced, cuts writes short, or is full (invariant 11 rests on what is proved there).
 */
export interface Disk {
  list(folder: string): Promise<string[]>
  open(path: string): Promise<DiskFile>
  remove(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(folder: string): Promise<void>
  /** Bytes free for this process, and in all. */
  space(folder: string): Promise<{ free: number; total: number }>
}

export interface DiskFile {
  size(): Promise<number>
  /** Fills `into` from `position`; resolves to the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all of it or rejects. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** The same, and durable when it resolves, as after `datasync`: one step where two would wake two threads. */
  writeDurably(bytes: Uint8Array, position: number): Promise<void>
  truncate(length: number): Promise<void>
  datasync(): Promise<void>
  close(): Promise<void>
}

/** No bytes left on the disk, or no file descriptor: either may come back, and nothing was written. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'])

export function isNoRoom(error: unknown): boolean {
  return NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '')
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle
  readonly #path: string
  /** The same file, each write to which is durable (O_DSYNC). */
  #durable: Promise<FileHandle> | undefined
  constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }
  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }
  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < into.length) {
      const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }
  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done)
      done += bytesWritten
    }
  }
  async writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    const { fd } = await this.#openDurable()
    let done = 0
    while (done < bytes.length) {
      const from = done
      // Without the promises of FileHandle, of which each append would make several.
      done += await new Promise<number>((resolve, reject) => {
        write(fd, bytes, from, bytes.length - from, position + from, (error, written) => {
          if (error === null) resolve(written)
          else reject(error)
        })
      })
    }
  }
  async #openDurable(): Promise<FileHandle> {
    this.#durable ??= open(this.#path, constants.O_WRONLY | constants.O_DSYNC)
    try {
      return await this.#durable
    } catch (error) {
      // There may be a descriptor for it the next time.
      this.#durable = undefined
      throw error
    }
  }
  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length)
  }
  datasync(): Promise<void> {
    return this.#handle.datasync()
  }
  async close(): Promise<void> {
    await Promise.all([this.#handle.close(), this.#durable?.then((handle) => handle.close())])
  }
}

export const nodeDisk: Disk = {
  list: (folder) => readdir(folder),
  open: async (path) => new NodeFile(await open(path, constants.O_RDWR | constants.O_CREAT, 0o644), path),
  remove: (path) => unlink(path),
  rename: (from, to) => rename(from, to),
  syncFolder: async (folder) => {
    const handle = await open(join(folder, '.'), constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  space: async (folder) => {
    const stats = await statfs(folder)
    return { free: stats.bavail * stats.bsize, total: stats.blocks * stats.bsize }
  },
}

/** For those who only read: what is no longer there is not made anew. */
export const readingDisk: Disk = {
  ...nodeDisk,
  open: async (path) => new NodeFile(await open(path, constants.O_RDONLY), path),
}
