import { startCluster } from '@bgs/relay/cluster/cluster.ts'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { SimDisk } from '../models/disk.ts'
import type { RunLog } from '../run-log.ts'
import type { World } from '../world/world.ts'
import { chanceOf } from './draw.ts'
import { Follower } from './follower.ts'
import { memberEnv, Scene, type Stage, setStage } from './scene.ts'
import { SimMember } from './sim-member.ts'
import type { SimServers } from './sim-servers.ts'

const RAW_PARTITIONS = '4'
/** Two of each, so that there is always another that can take over. */
const ROLES = ['sequencer', 'verifier', 'crawler', 'fanout'] as const
const OF_EACH = 2
const FIRST_PORT = 2_500

/** Every role twice, each process on a machine of its own, with the servers that they share; two subscribers. */
export class ClusterScene extends Scene {
  readonly servers: SimServers
  readonly members: readonly SimMember[]
  readonly followers: readonly Follower[]
  readonly urls: readonly string[]
  readonly opsPorts: readonly (readonly [string, number])[]

  private constructor(stage: Stage, servers: SimServers, log: RunLog) {
    super(stage)
    const { world, network } = stage
    this.servers = servers
    const members: SimMember[] = []
    const urls: string[] = []
    const opsPorts: [string, number][] = []
    for (const role of ROLES) {
      for (let i = 1; i <= OF_EACH; i++) {
        const name = `${role}${i}`
        const port = FIRST_PORT + 2 * members.length
        if (role === 'fanout') urls.push(`http://localhost:${port}`)
        opsPorts.push([name, port + 1])
        const env = {
          ...memberEnv(network, port),
          ...servers.env,
          RELAY_RAW_PARTITIONS: RAW_PARTITIONS,
        }
        const { settings } = loadSettings(env, [])
        const logger = log.logger.child({ by: name })
        members.push(
          new SimMember({
            name,
            world,
            disk: new SimDisk(chanceOf(world.random.fork(name))),
            begin: (machine) => startCluster(settings, logger, [role], machine),
            onFault: (error) => log.violation(`${name} ended by itself`, error),
          }),
        )
      }
    }
    this.members = members
    this.urls = urls
    this.opsPorts = opsPorts
    this.followers = [1, 2].map(
      (i) =>
        new Follower(`subscriber${i}`, world.scheduler, network.model, {
          urls,
          random: world.random.fork(`subscriber${i}`),
        }),
    )
  }

  static async create(world: World, servers: SimServers, log: RunLog): Promise<ClusterScene> {
    return new ClusterScene(await setStage(world), servers, log)
  }

  async begin(): Promise<void> {
    await this.servers.start()
    await Promise.all(this.members.map((member) => member.start()))
  }
}
