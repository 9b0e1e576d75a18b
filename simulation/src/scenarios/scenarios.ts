import type { ScenarioName } from '../options.ts'
import type { RunLog } from '../run-log.ts'
import type { World } from '../world/world.ts'
import { EMBEDDED_FAULTS } from './embedded-faults.ts'
import { EmbeddedScene } from './embedded-scene.ts'
import { type Outcome, runScenario, type ScenarioOptions } from './run.ts'

type Scenario = (world: World, log: RunLog, options: ScenarioOptions) => Promise<Outcome>

/** What can be simulated. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  embedded: async (world, log, options) =>
    runScenario(await EmbeddedScene.create(world, log), EMBEDDED_FAULTS, log, options),
}
