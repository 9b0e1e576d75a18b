import type { SimProcess } from '../world/sim-process.ts'
import type { ClusterScene } from './cluster-scene.ts'
import { pickOne } from './draw.ts'
import type { Fault } from './faults.ts'

/** How a process is cut off from a server: in one direction, in both, or by being refused. */
const CUTS = ['there', 'back', 'both', 'refused'] as const

/** Nothing gets from a process to a server, or back; or who connects is refused. */
export const cutOff: Fault<ClusterScene> = {
  weight: 14,
  act: async ({ net, scheduler, servers, processes, rest }, random) => {
    const server = random.pick(servers.processes)
    if (processes.length === 0) return 'nobody is cut off'
    const process = pickOne(processes, random)
    const how = random.pick(CUTS)
    const ms = 100 + random.int(random.chance(0.3) ? 40_000 : 5_000)
    const untilMs = scheduler.nowMs + ms
    const hold = (from: SimProcess, to: SimProcess) => {
      net.link(from, to).heldUntilMs = untilMs
    }
    if (how === 'there' || how === 'both') hold(process, server)
    if (how === 'back' || how === 'both') hold(server, process)
    if (how === 'refused') {
      net.link(process, server).refusedUntilMs = untilMs
      net.cut(({ owner, peer }) => owner === process && peer?.owner === server)
    }
    await rest(ms)
    return `${process.name} is cut off from ${server.name} (${how}) for ${ms} ms`
  },
}

export const resetServer: Fault<ClusterScene> = {
  weight: 6,
  act: async ({ net, servers }, random) => {
    const server = random.pick(servers.processes)
    const count = net.cut(({ owner, peer }) => owner === server || peer?.owner === server)
    return `${count} ends of connections of ${server.name} are reset`
  },
}
