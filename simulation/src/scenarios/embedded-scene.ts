import { startEmbedded } from '@bgs/relay/embedded.ts'
import { loadSettings } from '@bgs/runtime/service/config.ts'
import { SimDatabase } from '../models/database.ts'
import { SimDisk } from '../models/disk.ts'
import type { RunLog } from '../run-log.ts'
import type { World } from '../world/world.ts'
import { chanceOf } from './draw.ts'
import { Follower } from './follower.ts'
import { memberEnv, Scene, type Stage, setStage } from './scene.ts'
import { SimMember } from './sim-member.ts'

const RELAY_PORT = 2470

/** One embedded relay, and one subscriber. */
export class EmbeddedScene extends Scene {
  readonly relay: SimMember
  readonly database: SimDatabase
  readonly members: readonly SimMember[]
  readonly followers: readonly Follower[]
  readonly opsPorts = [['relay', RELAY_PORT + 1]] as const
  readonly urls = [`http://localhost:${RELAY_PORT}`]

  protected constructor(stage: Stage, log: RunLog) {
    super(stage)
    const { world, network } = stage
    const disk = new SimDisk(chanceOf(world.random.fork('disk')))
    this.database = new SimDatabase(chanceOf(world.random.fork('database')))
    const { settings } = loadSettings(memberEnv(network, RELAY_PORT), [])
    this.relay = new SimMember({
      name: 'relay',
      world,
      disk,
      begin: (machine, process) =>
        startEmbedded(settings, log.logger, {
          ...machine,
          openDatabase: async () => this.database.of(process),
        }),
      onFault: (error) => log.violation('a process ended by itself', error),
    })
    this.members = [this.relay]
    this.followers = [
      new Follower('subscriber', world.scheduler, network.model, {
        urls: this.urls,
        random: world.random,
      }),
    ]
  }

  static async create(world: World, log: RunLog): Promise<EmbeddedScene> {
    return new EmbeddedScene(await setStage(world), log)
  }

  async begin(): Promise<void> {
    await this.relay.start()
  }
}
