import type { HostileHost } from '@bgs/simnet/hostile.ts'
import type { RunLog } from '../run-log.ts'
import { SimProcess } from '../world/sim-process.ts'
import type { World } from '../world/world.ts'
import { EmbeddedScene } from './embedded-scene.ts'
import { type Stage, setStage } from './scene.ts'

/** An embedded relay, and beside the other hosts one that sends what no host should. */
export class HostileScene extends EmbeddedScene {
  readonly hostile: HostileHost

  private constructor(stage: Stage, hostile: HostileHost, log: RunLog) {
    super(stage, log)
    this.hostile = hostile
  }

  static override async create(world: World, log: RunLog): Promise<HostileScene> {
    const stage = await setStage(world)
    const process = new SimProcess('hostile', world.scheduler)
    const hostile = await process.run(() => stage.network.addHostileHost({ isChecked: false }))
    return new HostileScene(stage, hostile, log)
  }
}
