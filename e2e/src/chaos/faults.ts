import { wait } from '@bgs/runtime/service/wait.ts'
import type { PlcFault } from '@bgs/simnet/plc.ts'
import type { Random } from '@bgs/simnet/random.ts'
import { encodeFrame } from '@bgs/simnet/wire.ts'
import { CUTS } from '@bgs/testkit/tcp-link.ts'
import { LEASE_MS, type TestCluster } from '../cluster/cluster.ts'
import type { ServerName } from '../cluster/process-ways.ts'
import type { RoleName, RoleProcess } from '../cluster/role-process.ts'

/** One thing that goes wrong, and is over when its promise resolves. */
export interface Fault {
  readonly name: string
  readonly weight: number
  /** False: it could not be done now. */
  readonly act: (cluster: TestCluster, random: Random) => Promise<string | false>
}

/** Named places at which each role is ended (shared/runtime/src/service/crash-point.ts). */
const CRASH_POINTS: Readonly<Record<RoleName, readonly string[]>> = {
  crawler: ['after-receive', 'after-produce', 'before-cursor', 'after-cursor'],
  verifier: ['after-verify', 'after-produce', 'before-position', 'after-position'],
  sequencer: ['before-append', 'after-land', 'after-append', 'before-view', 'after-view'],
  fanout: ['after-write'],
}
const MOST_VERIFIERS = 3

function victim(cluster: TestCluster, random: Random, role: RoleName): RoleProcess | undefined {
  const free = cluster.of(role).filter(({ busy }) => !busy)
  return free.length === 0 ? undefined : random.pick(free)
}

async function doTo(
  cluster: TestCluster,
  random: Random,
  role: RoleName,
  act: (process: RoleProcess) => Promise<string>,
): Promise<string | false> {
  const process = victim(cluster, random, role)
  if (process === undefined) return false
  process.busy = true
  try {
    return `${await act(process)} ${process.name}`
  } finally {
    process.busy = false
  }
}

/** Longer than every lease. */
const PAUSE_MS = LEASE_MS * 2.5
/** Longer than others need to take over from one that is cut off; and one that heals before that. */
const CUT_MS = [LEASE_MS * 4, LEASE_MS / 2]
/** What each role reaches over the network. */
const REACHES: Readonly<Record<RoleName, readonly ServerName[]>> = {
  crawler: ['kafka', 'postgres', 'redis'],
  verifier: ['kafka', 'postgres', 'redis', 'directory'],
  sequencer: ['kafka', 'postgres', 'redis'],
  fanout: ['kafka', 'postgres', 'redis'],
}
/** As far as an unsteady source of time moves a clock, or somebody who sets it. */
const CLOCK_STEPS_MS = [-600_000, -5_000, 5_000, 600_000]

/** As far as a replica of the directory lags; more, and an account may change twice meanwhile, and its former key is lost. */
const BEHIND_MS = 400
/** Longer than a look-up may take. */
const SLOW_NAMES_MS = 15_000
/** DIDs of so many names, which no name server knows, are spoken of by one host: more than are looked up at once. */
const STRANGE_NAMES = 100

/** A host speaks of accounts whose names hang: what others say of theirs must not wait for that. */
function nameStrangers({ network }: TestCluster, random: Random): void {
  const host = random.pick([...network.hosts])
  for (let i = 0; i < STRANGE_NAMES; i++) {
    const seq = host.log.newestSeq + 1
    const did = `did:web:${random.text(12)}.invalid`
    host.emitRaw(encodeFrame('#identity', { did, seq, time: new Date().toISOString() }), { seq, did })
  }
}

function ofRole(role: RoleName): Fault[] {
  const crash = async (process: RoleProcess, random: Random) => {
    const point = `${random.pick([...CRASH_POINTS[role]])}:${1 + random.int(20)}`
    process.kill(point)
    await wait(2_500)
    return `crash at ${point} of`
  }
  return [
    {
      name: `kill ${role}`,
      weight: 12,
      act: (cluster, random) =>
        doTo(cluster, random, role, async (process) => {
          process.kill()
          await wait(1_500)
          return 'kill'
        }),
    },
    {
      name: `pause ${role}`,
      weight: 7,
      act: (cluster, random) =>
        doTo(cluster, random, role, async (process) => {
          await process.pause(PAUSE_MS)
          return 'pause'
        }),
    },
    {
      name: `crash ${role}`,
      weight: 8,
      act: (cluster, random) => doTo(cluster, random, role, (process) => crash(process, random)),
    },
    {
      name: `cut ${role}`,
      weight: 8,
      act: (cluster, random) =>
        doTo(cluster, random, role, async ({ ways }) => {
          const server = random.pick([...REACHES[role]])
          const how = random.pick([...CUTS])
          const ms = random.pick(CUT_MS)
          ways?.cut(server, how)
          await wait(ms)
          ways?.heal(server)
          return `cut from ${server} (${how}, ${ms} ms)`
        }),
    },
    {
      name: `step clock ${role}`,
      weight: 3,
      act: (cluster, random) =>
        doTo(cluster, random, role, async ({ ways }) => {
          const ms = random.pick(CLOCK_STEPS_MS)
          await ways?.stepClock(ms)
          await wait(2_500)
          await ways?.stepClock(0)
          return `clock stepped by ${ms} ms of`
        }),
    },
    {
      name: `restart ${role}`,
      weight: 3,
      act: (cluster, random) =>
        doTo(cluster, random, role, async (process) => {
          process.terminate()
          await wait(2_000)
          return 'restart'
        }),
    },
  ]
}

/** Servers that are being hurt: one fault at a time each. */
const hurt = new Set<string>()

function server(
  name: string,
  weight: number,
  act: (cluster: TestCluster, random: Random) => Promise<void>,
): Fault {
  const [, which = name] = name.split(' ')
  return {
    name,
    weight,
    act: async (cluster, random) => {
      if (hurt.has(which)) return false
      hurt.add(which)
      try {
        await act(cluster, random)
        return name
      } finally {
        hurt.delete(which)
      }
    },
  }
}

const FAULTS: readonly Fault[] = [
  ...ofRole('crawler'),
  ...ofRole('verifier'),
  ...ofRole('sequencer'),
  ...ofRole('fanout'),
  {
    name: 'add verifier',
    weight: 5,
    act: async (cluster) => {
      if (cluster.of('verifier').length >= MOST_VERIFIERS) return false
      return `add ${(await cluster.add('verifier')).name}`
    },
  },
  {
    name: 'remove verifier',
    weight: 5,
    act: async (cluster, random) => {
      const process = victim(cluster, random, 'verifier')
      if (process === undefined || cluster.of('verifier').length < 2) return false
      process.busy = true
      await cluster.remove(process, random.pick(['SIGTERM', 'SIGKILL']))
      return `remove ${process.name}`
    },
  },
  server('flush redis', 4, ({ redis }) => redis.flush()),
  server('kill redis', 4, async ({ redis }) => {
    await redis.kill()
    await wait(1_500)
    await redis.start()
  }),
  server('pause redis', 3, async ({ redis }) => {
    redis.pause()
    await wait(2_000)
    redis.resume()
  }),
  server('kill postgres', 3, async ({ postgres }) => {
    await postgres.kill()
    await wait(1_000)
    await postgres.start()
  }),
  server('pause postgres', 3, async ({ postgres }) => {
    postgres.pause()
    await wait(PAUSE_MS)
    postgres.resume()
  }),
  server('flaky directory', 3, async ({ network: { plc } }, random) => {
    plc.setGlobalFault(
      random.pick<PlcFault>([
        { kind: 'error', status: 503 },
        { kind: 'rateLimited', retryAfterSeconds: 1 },
        { kind: 'flaky', share: 0.8 },
        { kind: 'slow', millis: 1_500 },
        { kind: 'hang' },
      ]),
    )
    await wait(3_000)
    plc.setGlobalFault(null)
  }),
  server('behind directory', 3, async ({ network: { plc } }) => {
    plc.setGlobalFault({ kind: 'behind', millis: BEHIND_MS })
    await wait(3_000)
    plc.setGlobalFault(null)
  }),
  {
    name: 'slow names',
    weight: 4,
    act: (cluster, random) =>
      doTo(cluster, random, 'verifier', async ({ ways }) => {
        await ways?.slowNames(SLOW_NAMES_MS)
        nameStrangers(cluster, random)
        await wait(3_000)
        await ways?.slowNames(0)
        return 'slow names of'
      }),
  },
  server('kill broker', 2, async ({ kafka }, random) => {
    const node = random.pick([...kafka.nodes])
    await node.kill()
    await wait(500)
    await node.start()
  }),
  server('pause broker', 2, async ({ kafka }, random) => {
    const node = random.pick([...kafka.nodes])
    node.pause()
    await wait(3_000)
    node.resume()
  }),
]

/** Draws one by weight. */
export function drawFault(random: Random): Fault {
  let at = random.int(FAULTS.reduce((sum, { weight }) => sum + weight, 0))
  for (const fault of FAULTS) {
    at -= fault.weight
    if (at < 0) return fault
  }
  return FAULTS[0] as Fault
}
