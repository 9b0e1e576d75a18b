/** What can go wrong around any relay: hosts, the directory, connections, clocks, subscribers, and its own processes. */
import type { PlcFault } from '@bgs/simnet/plc.ts'
import type { Random } from '@bgs/simnet/random.ts'
import { pickOne } from './draw.ts'
import type { Fault } from './faults.ts'
import type { Scene } from './scene.ts'

const MINUTE = 60_000
/** What a clock is set to, off the right time. */
const CLOCKS_MS = [-2 * 3_600_000, -10 * MINUTE, -5_000, 5_000, 10 * MINUTE, 2 * 3_600_000]

type Common = Fault<Scene>

export const kill: Common = {
  weight: 12,
  act: async ({ members, rest }, random) => {
    const member = pickOne(members, random)
    return member.turns.run(async () => {
      member.kill()
      await rest(random.int(3_000))
      await member.start()
      return `${member.name} is killed`
    })
  },
}

export const losePower: Common = {
  weight: 6,
  act: async ({ members, rest }, random) => {
    const member = pickOne(members, random)
    return member.turns.run(async () => {
      member.losePower()
      await rest(random.int(10_000))
      await member.start()
      return `the machine of ${member.name} loses its power`
    })
  },
}

export const stop: Common = {
  weight: 4,
  act: async ({ members, rest }, random) => {
    const member = pickOne(members, random)
    return member.turns.run(async () => {
      await member.stop()
      await rest(random.int(3_000))
      if (!member.isUp) await member.start()
      return `${member.name} is stopped`
    })
  },
}

export const pause: Common = {
  weight: 4,
  act: async ({ members, rest }, random) => {
    const ms = 100 + random.int(20_000)
    const { name, process } = pickOne(members, random)
    process?.pause(ms)
    await rest(ms)
    return `${name} stands still for ${ms} ms`
  },
}

export const cutHosts: Common = {
  weight: 10,
  act: async ({ net, hosts }, random) => {
    const host = random.pick(hosts).process
    const count = net.cut(({ owner, peer }) => owner === host || peer?.owner === host)
    return `${count} connections of ${host.name} are reset`
  },
}

export const away: Common = {
  weight: 5,
  act: async (scene, random) => {
    const { net, scheduler, processes, hosts, rest } = scene
    const ms = 1_000 + random.int(2 * MINUTE)
    const host = random.pick(hosts).process
    for (const process of processes) net.link(process, host).refusedUntilMs = scheduler.nowMs + ms
    net.cut(({ owner, peer }) => owner === host || peer?.owner === host)
    await rest(ms)
    return `${host.name} is away for ${ms} ms`
  },
}

export const cutAll: Common = {
  weight: 3,
  act: async ({ net }) => `${net.cut(() => true)} connections are reset`,
}

/** Nothing gets through in one direction between a process and a host. */
export const hold: Common = {
  weight: 8,
  act: async (scene, random) => {
    const ms = 100 + random.int(random.chance(0.3) ? 60_000 : 5_000)
    const host = random.pick(scene.hosts).process
    if (scene.processes.length === 0) return 'nothing is held'
    const process = pickOne(scene.processes, random)
    const [from, to] = random.chance(0.5) ? [host, process] : [process, host]
    scene.net.link(from, to).heldUntilMs = scene.scheduler.nowMs + ms
    await scene.rest(ms)
    return `nothing gets from ${from.name} to ${to.name} for ${ms} ms`
  },
}

export const farAway: Common = {
  weight: 5,
  act: async (scene, random) => {
    const ms = 1_000 + random.int(10_000)
    const host = random.pick(scene.hosts).process
    if (scene.processes.length === 0) return 'nothing is slow'
    const link = scene.net.link(host, pickOne(scene.processes, random))
    const { latencyMs } = link
    link.latencyMs = 1 + random.int(800)
    await scene.rest(ms)
    link.latencyMs = latencyMs
    return `${host.name} is far away for ${ms} ms`
  },
}

export const directory: Common = {
  weight: 8,
  act: async ({ network, rest }, random) => {
    const kind = random.pick(['hang', 'error', 'slow', 'flaky', 'garbage', 'rateLimited'] as const)
    const ms = 500 + random.int(30_000)
    network.plc.setGlobalFault(directoryFault(kind, random))
    await rest(ms)
    network.plc.setGlobalFault(null)
    return `the directory is ${kind} for ${ms} ms`
  },
}

function directoryFault(
  kind: 'hang' | 'error' | 'slow' | 'flaky' | 'garbage' | 'rateLimited',
  random: Random,
): PlcFault {
  switch (kind) {
    case 'slow':
      return { kind, millis: 200 + random.int(4_000) }
    case 'flaky':
      return { kind, share: random.float() }
    case 'rateLimited':
      return { kind, retryAfterSeconds: 1 + random.int(5) }
    default:
      return { kind }
  }
}

export const disk: Common = {
  weight: 6,
  act: async ({ members, rest }, random) => {
    const ms = 100 + random.int(10_000)
    const { name, disk: hurt } = pickOne(members, random)
    hurt.mood.refuses = random.pick(['ENOSPC', 'EMFILE'] as const)
    await rest(ms)
    hurt.mood.refuses = undefined
    return `the disk of ${name} refuses for ${ms} ms`
  },
}

export const slowDisk: Common = {
  weight: 5,
  act: async ({ members, rest }, random) => {
    const ms = 100 + random.int(10_000)
    const latencyMs = 10 + random.int(1_500)
    const { name, disk: hurt } = pickOne(members, random)
    hurt.mood.latencyMs = latencyMs
    await rest(ms)
    hurt.mood.latencyMs = 0.5
    return `the disk of ${name} takes ${latencyMs} ms for ${ms} ms`
  },
}

export const clock: Common = {
  weight: 5,
  act: async ({ members, rest }, random) => {
    const offsetMs = random.pick(CLOCKS_MS)
    const ms = 100 + random.int(MINUTE)
    const member = pickOne(members, random)
    member.setClock(offsetMs)
    await rest(ms)
    member.setClock(0)
    return `the clock of ${member.name} is off by ${offsetMs} ms for ${ms} ms`
  },
}

export const subscribers: Common = {
  weight: 8,
  act: async ({ net, followers }, random) => {
    const { process } = pickOne(followers, random)
    return `${net.cut(({ owner, peer }) => owner === process || peer?.owner === process)} connections of ${process.name} are reset`
  },
}

export const upheaval: Common = {
  weight: 14,
  act: async (scene) => {
    await scene.upheave()
    return 'an account moves, changes or leaves'
  },
}
