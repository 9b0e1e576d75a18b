import { Random } from '@bgs/simnet/random.ts'
import { install } from './install.ts'
import { installNetwork, SimNet } from './network.ts'
import { Scheduler } from './scheduler.ts'
import { SimProcess } from './sim-process.ts'

/** One world in this thread: its time, its chance, its network, and the process that drives it. */
export interface World {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly net: SimNet
  /** Who sets the stage: its clock is right, and nothing ends it. */
  readonly director: SimProcess
}

/**
 * Makes the one world of this thread, in the place of Node's clocks, timers, chance and network; to be called once, before
 * what is to live in it is loaded.
 */
export function createWorld(seed: number): World {
  const random = new Random(seed)
  const scheduler = new Scheduler()
  const director = new SimProcess('director', scheduler)
  const net = new SimNet(director)
  const chance = random.fork('chance')
  install(director, () => chance.uint32())
  installNetwork(net)
  return { scheduler, random, net, director }
}
