import type { ScenarioName } from '../options.ts'
import type { RunLog } from '../run-log.ts'
import type { World } from '../world/world.ts'
import { CLUSTER_FAULTS } from './cluster-faults.ts'
import { ClusterScene } from './cluster-scene.ts'
import { EMBEDDED_FAULTS } from './embedded-faults.ts'
import { EmbeddedScene } from './embedded-scene.ts'
import { HOSTILE_FAULTS } from './hostile-faults.ts'
import { HostileScene } from './hostile-scene.ts'
import { type Outcome, runScenario, type ScenarioOptions } from './run.ts'
import { SimServers } from './sim-servers.ts'

type Run = (log: RunLog, options: ScenarioOptions) => Promise<Outcome>

/** What can be simulated. What takes real time comes first; the run that it resolves to takes place in virtual time. */
export const SCENARIOS: Readonly<Record<ScenarioName, (world: World) => Promise<Run>>> = {
  embedded: async (world) => async (log, options) =>
    runScenario(await EmbeddedScene.create(world, log), EMBEDDED_FAULTS, log, options),
  hostile: async (world) => async (log, options) =>
    runScenario(await HostileScene.create(world, log), HOSTILE_FAULTS, log, options),
  cluster: async (world) => {
    const servers = await SimServers.prepare(world)
    return async (log, options) =>
      runScenario(await ClusterScene.create(world, servers, log), CLUSTER_FAULTS, log, options)
  },
}
