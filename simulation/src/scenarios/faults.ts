import type { Random } from '@bgs/simnet/random.ts'
import type { EmbeddedScene } from './embedded-scene.ts'

/** One thing that goes wrong. It is over when the promise resolves. */
export type Act = (scene: EmbeddedScene, random: Random) => Promise<string>

const MINUTE = 60_000
/** What a clock is set to, off the right time. */
const CLOCKS_MS = [-2 * 3_600_000, -10 * MINUTE, -5_000, 5_000, 10 * MINUTE, 2 * 3_600_000]

/** How often each happens, relative to the others. */
export const FAULTS: Readonly<Record<string, { readonly weight: number; readonly act: Act }>> = {
  kill: {
    weight: 12,
    act: async ({ relay, rest }, random) => {
      relay.kill()
      await rest(random.int(3_000))
      await relay.start()
      return 'the relay is killed'
    },
  },
  'power-loss': {
    weight: 6,
    act: async ({ relay, rest }, random) => {
      relay.losePower()
      await rest(random.int(10_000))
      await relay.start()
      return 'the machine loses its power'
    },
  },
  stop: {
    weight: 4,
    act: async ({ relay, rest }, random) => {
      await relay.stop()
      await rest(random.int(3_000))
      if (!relay.isUp) await relay.start()
      return 'the relay is stopped'
    },
  },
  pause: {
    weight: 4,
    act: async ({ relay, rest }, random) => {
      const ms = 100 + random.int(20_000)
      relay.process?.pause(ms)
      await rest(ms)
      return `the relay stands still for ${ms} ms`
    },
  },
  'cut-hosts': {
    weight: 10,
    act: async ({ net, hosts }, random) => {
      const host = random.pick(hosts).process
      const count = net.cut(({ owner, peer }) => owner === host || peer?.owner === host)
      return `${count} connections of ${host.name} are reset`
    },
  },
  away: {
    weight: 5,
    act: async (scene, random) => {
      const { net, scheduler, relay, hosts, rest } = scene
      const ms = 1_000 + random.int(2 * MINUTE)
      const host = random.pick(hosts).process
      if (relay.process === undefined) return 'nobody is away'
      net.link(relay.process, host).refusedUntilMs = scheduler.nowMs + ms
      net.cut(({ owner, peer }) => owner === host || peer?.owner === host)
      await rest(ms)
      return `${host.name} is away for ${ms} ms`
    },
  },
  'cut-all': {
    weight: 3,
    act: async ({ net }) => `${net.cut(() => true)} connections are reset`,
  },
  hold: {
    weight: 8,
    act: async (scene, random) => {
      const ms = 100 + random.int(random.chance(0.3) ? 60_000 : 5_000)
      const host = random.pick(scene.hosts).process
      const relay = scene.relay.process
      if (relay === undefined) return 'nothing is held'
      const [from, to] = random.chance(0.5) ? [host, relay] : [relay, host]
      scene.net.link(from, to).heldUntilMs = scene.scheduler.nowMs + ms
      await scene.rest(ms)
      return `nothing gets from ${from.name} to ${to.name} for ${ms} ms`
    },
  },
  slow: {
    weight: 5,
    act: async (scene, random) => {
      const ms = 1_000 + random.int(10_000)
      const host = random.pick(scene.hosts).process
      const relay = scene.relay.process
      if (relay === undefined) return 'nothing is slow'
      const link = scene.net.link(host, relay)
      const { latencyMs } = link
      link.latencyMs = 1 + random.int(800)
      await scene.rest(ms)
      link.latencyMs = latencyMs
      return `${host.name} is far away for ${ms} ms`
    },
  },
  directory: {
    weight: 8,
    act: async ({ network, rest }, random) => {
      const kind = random.pick(['hang', 'error', 'slow', 'flaky', 'garbage', 'rateLimited'] as const)
      const ms = 500 + random.int(30_000)
      network.plc.setGlobalFault(
        kind === 'slow'
          ? { kind, millis: 200 + random.int(4_000) }
          : kind === 'flaky'
            ? { kind, share: random.float() }
            : kind === 'rateLimited'
              ? { kind, retryAfterSeconds: 1 + random.int(5) }
              : { kind },
      )
      await rest(ms)
      network.plc.setGlobalFault(null)
      return `the directory is ${kind} for ${ms} ms`
    },
  },
  disk: {
    weight: 6,
    act: async ({ disk, rest }, random) => {
      const ms = 100 + random.int(10_000)
      disk.mood.refuses = random.pick(['ENOSPC', 'EMFILE'] as const)
      await rest(ms)
      disk.mood.refuses = undefined
      return `the disk refuses for ${ms} ms`
    },
  },
  'slow-disk': {
    weight: 5,
    act: async ({ disk, rest }, random) => {
      const ms = 100 + random.int(10_000)
      const latencyMs = 10 + random.int(1_500)
      disk.mood.latencyMs = latencyMs
      await rest(ms)
      disk.mood.latencyMs = 0.5
      return `the disk takes ${latencyMs} ms for ${ms} ms`
    },
  },
  'slow-database': {
    weight: 5,
    act: async ({ database, rest }, random) => {
      const ms = 100 + random.int(10_000)
      database.latencyMs = 20 + random.int(3_000)
      await rest(ms)
      database.latencyMs = 1
      return `the database is slow for ${ms} ms`
    },
  },
  clock: {
    weight: 5,
    act: async ({ relay, rest }, random) => {
      const offsetMs = random.pick(CLOCKS_MS)
      const ms = 100 + random.int(MINUTE)
      relay.setClock(offsetMs)
      await rest(ms)
      relay.setClock(0)
      return `the clock is off by ${offsetMs} ms for ${ms} ms`
    },
  },
  subscriber: {
    weight: 8,
    act: async ({ net, subscriber }) =>
      `${net.cut(({ owner, peer }) => owner === subscriber || peer?.owner === subscriber)} connections of subscribers are reset`,
  },
  upheaval: {
    weight: 14,
    act: async (scene) => {
      await scene.upheave()
      return 'an account moves, changes or leaves'
    },
  },
}

/** What goes wrong when. */
export interface Planned {
  readonly number: number
  readonly atMs: number
  readonly kind: string
  readonly seed: number
}

/** Faults spread over the time, drawn before anything runs: leaving some out leaves the others as they are. */
export function plan(random: Random, faults: number, minutes: number): Planned[] {
  const kinds = Object.entries(FAULTS)
  const all = kinds.reduce((sum, [, { weight }]) => sum + weight, 0)
  const times = Array.from({ length: faults }, () => random.float() * minutes * MINUTE).sort((a, b) => a - b)
  return times.map((atMs, i) => {
    let left = random.float() * all
    const [kind] = kinds.find(([, { weight }]) => {
      left -= weight
      return left < 0
    }) ?? ['kill']
    return { number: i + 1, atMs, kind, seed: random.uint32() }
  })
}
