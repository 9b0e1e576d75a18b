import type { EmbeddedMachine } from '@bgs/relay/embedded/machine.ts'
import { startEmbedded } from '@bgs/relay/embedded.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import type { SimDatabase } from '../models/database.ts'
import type { SimDisk } from '../models/disk.ts'
import { SimProcess } from '../world/sim-process.ts'
import type { World } from '../world/world.ts'

const RESTART_MS = 1_000

type Embedded = Awaited<ReturnType<typeof startEmbedded>>

export interface SimRelayParts {
  readonly world: World
  readonly settings: Settings
  readonly logger: Logger
  readonly disk: SimDisk
  readonly database: SimDatabase
  /** Hears of a process that ended without being asked to. */
  readonly onFault: (error: unknown) => void
}

/** The embedded relay over all its lives: the product's own start, on a machine whose disk and database outlive it. */
export class SimRelay {
  readonly #parts: SimRelayParts
  #process: SimProcess | undefined
  #relay: Embedded | undefined
  /** What the lock of the folder remembers. */
  #generation = 0
  #isClean = true
  /** What its machine's clock is off by: it stays so when the process ends. */
  #wallOffsetMs = 0
  lives = 0

  constructor(parts: SimRelayParts) {
    this.#parts = parts
  }

  get process(): SimProcess | undefined {
    return this.#process
  }

  get isUp(): boolean {
    return this.#relay !== undefined
  }

  /**
   * Begins another life; resolves once it listens, or was killed before. Where it cannot start for what its machine lacks, it
   * is started again a moment later, as an init system does.
   */
  async start(): Promise<void> {
    const { world, settings, logger, disk, onFault } = this.#parts
    const process = new SimProcess('relay', world.scheduler)
    process.wallOffsetMs = this.#wallOffsetMs
    this.#process = process
    this.lives++
    const killed = new Promise<undefined>((resolve) => process.onKill.push(() => resolve(undefined)))
    const started = process.run(() => startEmbedded(settings, logger, this.#machine(process)))
    let relay: Embedded | undefined
    try {
      relay = await Promise.race([started, killed])
    } catch (error) {
      if (!process.isAlive) return
      process.kill()
      if (disk.mood.refuses === undefined) return onFault(error)
      await new Promise((resolve) => setTimeout(resolve, RESTART_MS))
      return this.#process === process ? this.start() : undefined
    }
    if (relay === undefined || !process.isAlive) return
    this.#relay = relay
    relay.fault.catch((error: unknown) => {
      if (process.isAlive) onFault(error)
    })
  }

  kill(): void {
    this.#relay = undefined
    this.#process?.kill()
  }

  losePower(): void {
    this.kill()
    this.#parts.disk.losePower()
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    const relay = this.#relay
    const process = this.#process
    if (relay === undefined || process === undefined) return
    const killed = new Promise<void>((resolve) => process.onKill.push(resolve))
    await Promise.race([process.run(() => relay.stop()), killed])
    if (this.#process === process) this.kill()
  }

  /** Sets the machine's clock: it is off by so much from now on. */
  setClock(offsetMs: number): void {
    this.#wallOffsetMs = offsetMs
    if (this.#process !== undefined) this.#process.wallOffsetMs = offsetMs
  }

  #machine(process: SimProcess): EmbeddedMachine {
    const { disk, database } = this.#parts
    return {
      disk: disk.of(process),
      makeFolder: async () => undefined,
      lock: () => {
        const clean = this.#isClean
        this.#isClean = false
        return {
          generation: ++this.#generation,
          clean,
          release: () => {
            this.#isClean = true
          },
        }
      },
      openDatabase: async () => database.of(process),
    }
  }
}
