import type { Disk } from '@bgs/embedded/log/disk.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { DiskMetrics } from './metrics.ts'

/** Below this share of free space hosts are read no further (README.md, "When something is wrong"). */
const LEAST_FREE = 0.05
const LOOK_EVERY_MS = 5_000

/** Holds the crawler back while the disk is nearly full. */
export class DiskGate {
  readonly #disk: Disk
  readonly #folder: string
  readonly #log: Logger
  readonly #metrics: DiskMetrics
  #closed: PromiseWithResolvers<void> | undefined

  constructor(disk: Disk, folder: string, log: Logger, metrics: DiskMetrics) {
    this.#disk = disk
    this.#folder = folder
    this.#log = log
    this.#metrics = metrics
  }

  /** A promise while no host may be read; undefined otherwise. */
  readonly closed = (): Promise<void> | undefined => this.#closed?.promise

  /** Looks at the disk until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await wait(LOOK_EVERY_MS, signal)
    }
    this.#closed?.resolve()
  }

  async look(): Promise<void> {
    const { free, total } = await this.#disk.space(this.#folder)
    this.#metrics.free.set(free)
    this.#metrics.total.set(total)
    const full = free < total * LEAST_FREE
    if (full && this.#closed === undefined) {
      this.#log.error(
        { free, total },
        'less than 5 % of the disk is free: hosts are read no further until there is more',
      )
      this.#closed = Promise.withResolvers<void>()
    } else if (!full && this.#closed !== undefined) {
      this.#log.info({ free, total }, 'there is disk space again: hosts are read on')
      this.#closed.resolve()
      this.#closed = undefined
    }
  }
}
