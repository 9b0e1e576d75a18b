import { runActivity } from '@bgs/simnet/activity.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import type { SimPds } from '@bgs/simnet/pds.ts'
import { QUIET_MIX, upheave } from '@bgs/simnet/upheaval.ts'
import type { SimNet } from '../world/network.ts'
import type { Scheduler } from '../world/scheduler.ts'
import { SimProcess } from '../world/sim-process.ts'
import type { World } from '../world/world.ts'
import type { Follower } from './follower.ts'
import { InTurn } from './in-turn.ts'
import type { SimMember } from './sim-member.ts'

const HOSTS = 3
const ACCOUNTS_PER_HOST = 4

/** A host that offers events, in a process of its own. */
export interface SimHost {
  readonly process: SimProcess
  readonly pds: SimPds
}

/** What a scene is made from: the network as simnet makes it, each of its hosts in a process of its own. */
export interface Stage {
  readonly world: World
  readonly network: SimNetwork
  readonly hosts: readonly SimHost[]
}

/** Settings of a process of the relay, which listens at this port and the next one. */
export function memberEnv(network: SimNetwork, port: number): Record<string, string> {
  return {
    ...network.relayEnv(),
    RELAY_PORT: String(port),
    RELAY_OPS_PORT: String(port + 1),
    RELAY_DATA_DIR: '/data',
    RELAY_RETENTION_BYTES: '256MiB',
    // Nothing runs in another thread: there is one order of all that happens.
    RELAY_VERIFIER_THREADS: '0',
    RELAY_FANOUT_THREADS: '0',
  }
}

/** Hosts, accounts and the directory. */
export async function setStage(world: World): Promise<Stage> {
  const network = await SimNetwork.start({ seed: world.random.uint32(), hosts: 0, accountsPerHost: 0 })
  const hosts: SimHost[] = []
  for (let i = 0; i < HOSTS; i++) {
    const process = new SimProcess(`host${i + 1}`, world.scheduler)
    const pds = await process.run(() => network.addHost())
    for (let j = 0; j < ACCOUNTS_PER_HOST; j++) await network.createAccount(pds)
    hosts.push({ process, pds })
  }
  return { world, network, hosts }
}

/** Hosts that never stop offering, a relay of one process or many, and who subscribes to it. */
export abstract class Scene {
  readonly world: World
  readonly network: SimNetwork
  readonly hosts: readonly SimHost[]
  /** The relay's processes, each over all its lives. */
  abstract readonly members: readonly SimMember[]
  /** Who subscribes all along. */
  abstract readonly followers: readonly Follower[]
  /** Where the stream is served. */
  abstract readonly urls: readonly string[]
  /** Of each process its name, and the port at which /readyz has to say in the end that all is well. */
  abstract readonly opsPorts: readonly (readonly [name: string, port: number])[]
  readonly #upheavals = new InTurn()

  constructor({ world, network, hosts }: Stage) {
    this.world = world
    this.network = network
    this.hosts = hosts
  }

  /** Starts what the relay consists of; resolves once it is up. */
  abstract begin(): Promise<void>

  get net(): SimNet {
    return this.world.net
  }

  get scheduler(): Scheduler {
    return this.world.scheduler
  }

  /** Events that the hosts have sent. */
  get offered(): number {
    return this.network.hosts.reduce((sum, { emitted }) => sum + emitted, 0)
  }

  /** Processes of the relay that live now. */
  get processes(): readonly SimProcess[] {
    return this.members.flatMap(({ process }) => process ?? [])
  }

  /** Lets time go by. */
  readonly rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  /** Offers so many events a second until `signal` is aborted. */
  async offer(ratePerSecond: number, signal: AbortSignal): Promise<void> {
    await runActivity(this.network, ratePerSecond, signal, QUIET_MIX)
    await this.#upheavals.run(async () => undefined)
    await this.network.idle()
  }

  /** One after another. */
  upheave(): Promise<void> {
    return this.#upheavals.run(() => upheave(this.network))
  }
}
