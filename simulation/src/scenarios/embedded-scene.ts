import { get } from 'node:http'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { runActivity } from '@bgs/simnet/activity.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import type { SimPds } from '@bgs/simnet/pds.ts'
import type { Random } from '@bgs/simnet/random.ts'
import { StreamChecker } from '@bgs/simnet/stream-checker.ts'
import { CheckingSubscriber } from '@bgs/simnet/subscriber.ts'
import { QUIET_MIX, upheave } from '@bgs/simnet/upheaval.ts'
import { SimDatabase } from '../models/database.ts'
import { SimDisk } from '../models/disk.ts'
import type { RunLog } from '../run-log.ts'
import type { SimNet } from '../world/network.ts'
import type { Scheduler } from '../world/scheduler.ts'
import { SimProcess } from '../world/sim-process.ts'
import type { World } from '../world/world.ts'
import { SimRelay } from './sim-relay.ts'

const HOSTS = 3
const ACCOUNTS_PER_HOST = 4
const RELAY_PORT = 2470
/** Above the minute for which the frames of a DID may wait for a look at its document (C8), and the longest backoff. */
const CAUGHT_UP_MS = 15 * 60_000
const RECONNECT_MS = 200

interface SimHost {
  readonly process: SimProcess
  readonly pds: SimPds
}

/** Hosts that never stop offering, one embedded relay, a subscriber that always comes back. */
export class EmbeddedScene {
  readonly world: World
  readonly network: SimNetwork
  readonly hosts: readonly SimHost[]
  readonly relay: SimRelay
  readonly disk: SimDisk
  readonly database: SimDatabase
  readonly subscriber: SimProcess
  readonly checker: StreamChecker
  readonly #ended = new AbortController()
  #upheaving: Promise<void> = Promise.resolve()
  #following: CheckingSubscriber | undefined

  private constructor(world: World, network: SimNetwork, hosts: readonly SimHost[], log: RunLog) {
    this.world = world
    this.network = network
    this.hosts = hosts
    this.disk = new SimDisk(chance(world.random.fork('disk')))
    this.database = new SimDatabase(chance(world.random.fork('database')))
    const env = {
      ...network.relayEnv(),
      RELAY_PORT: String(RELAY_PORT),
      RELAY_OPS_PORT: String(RELAY_PORT + 1),
      RELAY_DATA_DIR: '/data',
      RELAY_RETENTION_BYTES: '256MiB',
      // Nothing runs in another thread: there is one order of all that happens.
      RELAY_VERIFIER_THREADS: '0',
      RELAY_FANOUT_THREADS: '0',
    }
    this.relay = new SimRelay({
      world,
      settings: loadSettings(env, []).settings,
      logger: log.logger,
      disk: this.disk,
      database: this.database,
      onFault: (error) => log.violation('a process ended by itself', error),
    })
    this.subscriber = new SimProcess('subscriber', world.scheduler)
    this.checker = new StreamChecker(network.model)
  }

  static async create(world: World, log: RunLog): Promise<EmbeddedScene> {
    const network = await SimNetwork.start({ seed: world.random.uint32(), hosts: 0, accountsPerHost: 0 })
    const hosts: SimHost[] = []
    for (let i = 0; i < HOSTS; i++) {
      const process = new SimProcess(`host${i + 1}`, world.scheduler)
      const pds = await process.run(() => network.addHost())
      for (let j = 0; j < ACCOUNTS_PER_HOST; j++) await network.createAccount(pds)
      hosts.push({ process, pds })
    }
    return new EmbeddedScene(world, network, hosts, log)
  }

  get net(): SimNet {
    return this.world.net
  }

  get scheduler(): Scheduler {
    return this.world.scheduler
  }

  get offered(): number {
    return this.network.hosts.reduce((sum, { emitted }) => sum + emitted, 0)
  }

  /** Lets time go by. */
  readonly rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  /** Offers so many events a second until `signal` is aborted. */
  async offer(ratePerSecond: number, signal: AbortSignal): Promise<void> {
    await runActivity(this.network, ratePerSecond, signal, QUIET_MIX)
    await this.#upheaving
    await this.network.idle()
  }

  /** One after another. */
  upheave(): Promise<void> {
    this.#upheaving = this.#upheaving.then(() => upheave(this.network))
    return this.#upheaving
  }

  /** Takes up the stream wherever it breaks off, until the scene ends. */
  follow(): Promise<void> {
    return this.subscriber.run(async () => {
      while (!this.#ended.signal.aborted) {
        try {
          this.#following = await CheckingSubscriber.connect({
            url: this.#url,
            checker: this.checker,
            cursor: this.checker.lastSeq,
          })
          const { signal } = this.#ended
          await this.#following.until(
            ({ closed }) => closed !== null || signal.aborted,
            Number.POSITIVE_INFINITY,
          )
        } catch {
          // It is tried again, as long as it takes.
        }
        await this.rest(RECONNECT_MS)
      }
      await this.#following?.close()
    })
  }

  /** Waits until the follower has all that must come; how long that took in milliseconds, undefined where it did not. */
  async caughtUp(): Promise<number | undefined> {
    const begunMs = this.scheduler.nowMs
    while (!this.checker.caughtUp) {
      if (this.scheduler.nowMs - begunMs > CAUGHT_UP_MS) return undefined
      await this.rest(100)
    }
    return this.scheduler.nowMs - begunMs
  }

  /** One that comes for the first time and reads all of the log. */
  readAll(): Promise<StreamChecker> {
    return this.subscriber.run(async () => {
      const reader = await CheckingSubscriber.connect({
        url: this.#url,
        model: this.network.model,
        cursor: 0,
      })
      await reader.until(({ lastSeq }) => lastSeq >= this.checker.lastSeq, CAUGHT_UP_MS)
      await reader.close()
      return reader.checker
    })
  }

  /** Whether the relay says that it is ready; undefined: it says nothing. */
  ready(): Promise<number | undefined> {
    return this.subscriber.run(() => {
      return new Promise<number | undefined>((resolve) => {
        get({ port: RELAY_PORT + 1, path: '/readyz', agent: false }, (response) => {
          response.resume()
          resolve(response.statusCode)
        }).on('error', () => resolve(undefined))
      })
    })
  }

  end(): void {
    this.#ended.abort()
  }

  get #url(): string {
    return `http://localhost:${RELAY_PORT}`
  }
}

function chance(random: Random): () => number {
  return () => random.float()
}
