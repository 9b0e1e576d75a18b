import type { Machine } from '@bgs/relay/machine.ts'
import type { Relay } from '@bgs/relay/relay.ts'
import type { SimDisk } from '../models/disk.ts'
import { SimProcess } from '../world/sim-process.ts'
import type { World } from '../world/world.ts'
import { InTurn } from './in-turn.ts'

const RESTART_MS = 1_000
/** Starts in a row that fail before it is given up: nothing will come of it any more. */
const MOST_FAILURES = 20
/** A process that ends so soon may not have come up, be it that a server was away: it ends as where a start fails. */
const STARTING_MS = 30_000
/** No room on the disk, no descriptor: who starts may end over it. */
const LACKS = /ENOSPC|EMFILE/

export interface SimMemberParts {
  readonly name: string
  readonly world: World
  readonly disk: SimDisk
  /** The product's own start, in a process that has just begun. */
  readonly begin: (machine: Machine, process: SimProcess) => Promise<Relay>
  /** Hears of a process that ended without being asked to. */
  readonly onFault: (error: unknown) => void
}

/** A process of the relay over all its lives, on a machine of its own, whose disk and clock outlive it. */
export class SimMember {
  readonly name: string
  readonly disk: SimDisk
  readonly #parts: SimMemberParts
  #process: SimProcess | undefined
  #relay: Relay | undefined
  /** What the lock of the folder remembers. */
  #generation = 0
  #isClean = true
  /** What its machine's clock is off by: it stays so when the process ends. */
  #wallOffsetMs = 0
  /** What ends its life waits for what ended the one before. */
  readonly turns = new InTurn()
  #failures = 0
  lives = 0

  constructor(parts: SimMemberParts) {
    this.name = parts.name
    this.disk = parts.disk
    this.#parts = parts
  }

  /** The last that was begun; it may have ended. */
  get process(): SimProcess | undefined {
    return this.#process
  }

  get isUp(): boolean {
    return this.#relay !== undefined
  }

  /**
   * Begins another life; resolves once it listens, or was killed before. One that ends by itself is started again a moment
   * later, as an init system does. Where it could not start for what its machine lacks, that is no fault.
   */
  async start(): Promise<void> {
    const { name, world, begin } = this.#parts
    const process = new SimProcess(name, world.scheduler)
    process.wallOffsetMs = this.#wallOffsetMs
    this.#process = process
    this.lives++
    const killed = new Promise<undefined>((resolve) => process.onKill.add(() => resolve(undefined)))
    const started = process.run(() => begin(this.#machine(process), process))
    let relay: Relay | undefined
    try {
      relay = await Promise.race([started, killed])
    } catch (error) {
      if (!process.isAlive) return
      this.#ended(process, error)
      return ++this.#failures < MOST_FAILURES ? this.#again(process) : undefined
    }
    if (relay === undefined || !process.isAlive) return
    this.#relay = relay
    this.#failures = 0
    relay.fault.catch((error: unknown) => {
      this.#ended(process, error)
      void this.turns.run(() => this.#again(process))
    })
  }

  /** A process has ended by itself. */
  #ended(process: SimProcess, error: unknown): void {
    if (!process.isAlive) return
    const isStarting = this.#relay === undefined || process.monotonicMs < STARTING_MS
    if (!isStarting || !LACKS.test(`${error} ${(error as Error).cause}`)) this.#parts.onFault(error)
    this.#relay = undefined
    process.kill()
  }

  /** Starts it again, unless something else has. */
  async #again(process: SimProcess): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, RESTART_MS))
    if (this.#process === process) await this.start()
  }

  kill(): void {
    this.#relay = undefined
    this.#process?.kill()
  }

  losePower(): void {
    this.kill()
    this.disk.losePower()
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    const relay = this.#relay
    const process = this.#process
    if (relay === undefined || process === undefined) return
    const killed = new Promise<void>((resolve) => process.onKill.add(() => resolve()))
    await Promise.race([process.run(() => relay.stop()), killed])
    if (this.#process === process) this.kill()
  }

  /** Sets the machine's clock: it is off by so much from now on. */
  setClock(offsetMs: number): void {
    this.#wallOffsetMs = offsetMs
    if (this.#process !== undefined) this.#process.wallOffsetMs = offsetMs
  }

  #machine(process: SimProcess): Machine {
    return {
      disk: this.disk.of(process),
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
    }
  }
}
