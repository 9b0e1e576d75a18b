/**
 * Roles of a cluster in this process: any of crawler, verifier, sequencer and fanout, each in a file of its own beside
 * this one. Topics and log are in Kafka, the state in PostgreSQL, what may be lost in Redis (context.ts).
 *
 * A start: 1. the operator listener, which says for what it waits; 2. PostgreSQL and Kafka, whenever they answer; 3. the
 * roles, backwards, so that what reads is there before what writes. A stop ends the roles in the frame's way.
 *
 * Who does what is leased, here for the sequencer:
 * 1. The leader is paused for longer than a lease. Its row in `members` expires.
 * 2. A standby claims the partition of `sequenced`: the fence is raised (shared/cluster, leases/).
 * 3. It opens the log at offset 100 with a record that names 100: no older writer's record counts there any more.
 * 4. The former leader wakes and appends what it had in hand. Its record lands at 101 and names 100, so every reader
 *    skips it. The broker's answer tells the writer, which gives up the lead and stands by.
 */

import { randomUUID } from 'node:crypto'
import { MetricsDirectory } from '@bgs/cluster/redis/metrics-directory.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { processMetrics } from '@bgs/runtime/process-metrics/process-metrics.ts'
import { close, listen, shown } from '@bgs/runtime/service/listen.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { createRegistry } from '@bgs/runtime/service/metrics.ts'
import { createOpsServer } from '@bgs/runtime/service/ops-server.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { Supervisor } from '@bgs/runtime/service/supervisor.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type Machine, thisMachine } from '../machine.ts'
import type { Relay } from '../relay.ts'
import { openContext } from './context.ts'
import { startCrawler } from './crawler-role.ts'
import { startFanout } from './fanout-role.ts'
import type { Role } from './role.ts'
import { refreshShared, sharedMetrics } from './role-metrics.ts'
import { ROLE_NAMES, type RoleName } from './role-names.ts'
import { startSequencer } from './sequencer-role.ts'
import { openServers } from './servers.ts'
import { startVerifier } from './verifier-role.ts'

/** Of a stop, which takes at most 30 s: for the roles to finish, and for everything else. */
const STOP_ROLES_MS = 20_000
const STOP_REST_MS = 3_000

const ROLES = {
  crawler: startCrawler,
  verifier: startVerifier,
  sequencer: startSequencer,
  fanout: startFanout,
} satisfies Record<RoleName, unknown>

/** Runs roles of a cluster in this process. Its servers need not be there yet: /readyz says what it waits for. */
export async function startCluster(
  settings: Settings,
  logger: Logger,
  names: readonly RoleName[],
  machine: Machine = thisMachine,
): Promise<Relay> {
  const supervisor = new Supervisor(logger)
  const registry = createRegistry()
  const servers = openServers(settings, logger)
  const metrics = sharedMetrics(registry)
  const roles: Role[] = []
  let database: { close(): Promise<void> } | undefined
  let recorder: RejectionRecorder | undefined
  let starting = true
  let stopping = false
  const { health } = servers
  // Without Redis a fan-out node serves its subscribers all the same.
  const needed = names.every((name) => name === 'fanout')
    ? [health.kafka, health.records, health.postgres]
    : [health.kafka, health.records, health.postgres, health.redis]
  const notReady = () => {
    if (stopping) return 'stopping'
    const troubles = [
      ...needed.map(({ trouble }) => trouble),
      ...roles.map((role) => role.notReady()),
      starting ? 'starting' : undefined,
    ].filter((trouble) => trouble !== undefined)
    return troubles.length === 0 ? undefined : troubles.join('\n')
  }
  const restartCouldHelp = () => {
    const reasons = roles.map((role) => role.restartCouldHelp?.()).filter((why) => why !== undefined)
    return stopping || reasons.length === 0 ? undefined : reasons.join('\n')
  }
  const refresh = () => {
    refreshShared(metrics, health, recorder, supervisor.failures)
    for (const role of roles) role.refresh()
  }
  const threadRegistries = async () =>
    (await Promise.all(roles.map((role) => role.threadRegistry?.()))).filter((one) => one !== undefined)
  const id = randomUUID()
  const directory = new MetricsDirectory(servers.redis, settings.RELAY_KAFKA_TOPIC_PREFIX, id, async () => {
    refresh()
    return processMetrics(id, names.join(', '), [registry, ...(await threadRegistries())])
  })
  const opsServer = createOpsServer(settings, registry, {
    notReady,
    restartCouldHelp,
    refresh,
    handle: (request, response) => roles.some((role) => role.handle?.(request, response) === true),
    others: async () => (await Promise.all((await threadRegistries()).map((one) => one.metrics()))).join(''),
  })
  const opsPort = await listen(opsServer, settings.RELAY_OPS_PORT, settings.RELAY_OPS_HOST)
  logger.info(
    `operate:    http://${shown(settings.RELAY_OPS_HOST)}:${opsPort}${names.includes('fanout') ? '/dashboard/  ' : ''}/metrics  /readyz  /livez`,
  )
  if (settings.RELAY_ALLOW_PRIVATE_HOSTS)
    logger.warn('RELAY_ALLOW_PRIVATE_HOSTS is on: any address is crawled. For development only.')

  const begin = async () => {
    const context = await openContext(servers, {
      settings,
      logger,
      registry,
      supervisor,
      processMetrics: () => directory.list(),
      machine,
      metrics,
    })
    database = context.database
    recorder = context.rejections
    // Backwards: what reads is there before what writes.
    for (const name of ROLE_NAMES.toReversed()) {
      if (!names.includes(name) || stopping) continue
      const role = await ROLES[name](context)
      roles.unshift(role)
      if ('publicPort' in role)
        logger.info(
          `subscribe:  ws://${shown(settings.RELAY_HOST)}:${role.publicPort}/xrpc/com.atproto.sync.subscribeRepos`,
        )
    }
    starting = false
    logger.info({ roles: names }, 'relay is up')
  }
  const begun = begin().catch((error: unknown) => {
    if (!stopping) throw error
  })
  supervisor.run('start', begun)
  void supervisor.tend('figures', (signal) => directory.run(signal))

  return {
    opsPort,
    fault: supervisor.fault,
    noteFault: async (isOwn) => {
      await Promise.all(roles.map((role) => role.noteFault?.(isOwn)))
    },
    stop: async () => {
      stopping = true
      if (starting) supervisor.end()
      const ended = endRoles(roles, begun).then(
        () => true,
        (error: unknown) => {
          logger.warn({ err: error }, 'a role did not end cleanly')
          return false
        },
      )
      // A server that is away is not waited for: what could not be saved now is done again after the next start.
      if (!(await Promise.race([ended, wait(STOP_ROLES_MS)])))
        logger.warn('a server cannot be reached: stopping without having saved everything')
      supervisor.end()
      await database?.close()
      await Promise.race([supervisor.stop(), wait(STOP_REST_MS)])
      await close(opsServer)
      servers.redis.disconnect()
      servers.kafka.close()
    },
  }
}

/**
 * Ends the roles in the order of the frame's way; fan-out beside the others, so that its subscribers are sent away
 * whatever holds those up: they find what is still on its way on another node, or here after the next start.
 */
async function endRoles(roles: readonly Role[], begun: Promise<void>): Promise<void> {
  await begun.catch(() => undefined)
  const serve = (role: Role) => 'publicPort' in role
  const others = async () => {
    for (const role of roles) if (!serve(role)) await role.stop()
  }
  await Promise.all([others(), ...roles.filter(serve).map((role) => role.stop())])
}
