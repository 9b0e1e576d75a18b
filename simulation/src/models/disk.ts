import type { Disk, DiskFile } from '@bgs/embedded/log/disk.ts'
import { diskError, PowerLossDisk } from '@bgs/testkit/power-loss-disk.ts'
import type { SimProcess } from '../world/sim-process.ts'

/** How a disk is now. */
export interface DiskMood {
  /** Of each operation, milliseconds. */
  latencyMs: number
  /** It has no room for another byte or file; or this process may open no other file. */
  refuses: 'ENOSPC' | 'EMFILE' | undefined
}

const CAPACITY = 1024 * 1024 * 1024

/**
 * A machine's disk, which outlives its processes. A process that is killed leaves what it wrote, and of the write that was
 * under way any part. A power loss leaves of what was not synced any part, too (PowerLossDisk).
 */
export class SimDisk {
  readonly mood: DiskMood = { latencyMs: 0.5, refuses: undefined }
  readonly #random: () => number
  #content = new PowerLossDisk()
  /** Of each process what a kill does to its writes under way. */
  readonly #underWay = new Set<() => Promise<unknown>>()

  constructor(random: () => number) {
    this.#random = random
    this.#content.capacity = CAPACITY
  }

  /** To be called when no process is left that uses it. */
  losePower(): void {
    this.#content = this.#content.afterPowerLoss(this.#random)
    this.#content.capacity = CAPACITY
  }

  /** The disk as a process sees it. */
  of(owner: SimProcess): Disk {
    const content = this.#content
    const slowly = <T>(operation: () => Promise<T>): Promise<T> => this.#slowly(owner, operation)
    const refuse = (...codes: readonly string[]) => {
      const { refuses } = this.mood
      if (refuses !== undefined && codes.includes(refuses)) throw diskError(refuses)
    }
    owner.onKill.add(() => {
      for (const torn of this.#underWay) void torn()
      this.#underWay.clear()
    })
    const file = (of: DiskFile): DiskFile => {
      // Durable writes go through a descriptor of their own, which the first one opens.
      let hasDurable = false
      const write = (bytes: Uint8Array, position: number, synced: boolean) =>
        this.#write(owner, of, { bytes: Uint8Array.from(bytes), position, synced }, () => {
          if (synced && !hasDurable) refuse('EMFILE')
          hasDurable ||= synced
          refuse('ENOSPC')
        })
      return {
        size: () => slowly(() => of.size()),
        read: (into, position) => slowly(() => of.read(into, position)),
        write: (bytes, position) => write(bytes, position, false),
        writeDurably: (bytes, position) => write(bytes, position, true),
        truncate: (length) => slowly(() => of.truncate(length)),
        datasync: () => slowly(() => of.datasync()),
        close: () => slowly(() => of.close()),
      }
    }
    return {
      list: (folder) => slowly(() => content.list(folder)),
      open: (path) =>
        slowly(async () => {
          refuse('EMFILE')
          if (!content.paths().includes(path)) refuse('ENOSPC')
          return file(await content.open(path))
        }),
      remove: (path) => slowly(() => content.remove(path)),
      rename: (from, to) => slowly(() => content.rename(from, to)),
      syncFolder: (folder) => slowly(() => content.syncFolder(folder)),
      space: () => slowly(() => content.space()),
    }
  }

  /** Does something once the disk has come to it; never where the process is killed by then. */
  #slowly<T>(owner: SimProcess, operation: () => Promise<T>): Promise<T> {
    const { scheduler } = owner
    const takesMs = this.mood.latencyMs * (0.5 + this.#random())
    return new Promise((resolve, reject) => {
      owner.at(scheduler.nowMs + takesMs, () => operation().then(resolve, reject))
    })
  }

  async #write(
    owner: SimProcess,
    file: DiskFile,
    { bytes, position, synced }: { bytes: Uint8Array; position: number; synced: boolean },
    refuse: () => void,
  ): Promise<void> {
    const torn = () =>
      file.write(bytes.subarray(0, Math.floor(this.#random() * (bytes.length + 1))), position)
    this.#underWay.add(torn)
    await this.#slowly(owner, async () => {
      this.#underWay.delete(torn)
      refuse()
      await (synced ? file.writeDurably(bytes, position) : file.write(bytes, position))
    })
  }
}
