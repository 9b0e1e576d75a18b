import type { IncomingMessage, ServerResponse } from 'node:http'
import { createAdminApi } from '@bgs/api/admin/admin-api.ts'
import type { AdminContext } from '@bgs/api/admin/context.ts'
import { createCall } from '@bgs/api/xrpc/call.ts'
import type { XrpcContext } from '@bgs/api/xrpc/method.ts'
import type { WakeUps } from '@bgs/contract/bus/wake-ups.ts'
import { createDashboard } from '@bgs/dashboard/serve-dashboard.ts'
import { HeadRate } from '@bgs/fanout/head-rate.ts'
import { serve } from '@bgs/fanout/serve/serve.ts'
import type { ServeParts } from '@bgs/fanout/serve/serving.ts'
import type { Takedowns } from '@bgs/fanout/takedowns.ts'
import { newAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import { newHosts } from '../new-hosts.ts'
import { fanoutThreads } from '../threads.ts'
import type { StageContext } from './stage-context.ts'

export interface ServingPorts {
  /** The log, or a node's mirror of it. */
  readonly log: ServeParts['log']
  readonly takedowns: Takedowns
  readonly wakeUps: WakeUps
  readonly limits: XrpcContext['limits']
  /** Undefined while the database answers; else why not. */
  readonly databaseAway: () => string | undefined
  /** Undefined while the relay can serve; else why it cannot. Threads ask while they are begun. */
  readonly notReady: () => string | undefined
}

export interface OperatorPorts
  extends Pick<AdminContext, 'control' | 'wakeUps' | 'log' | 'subscribers' | 'processMetrics' | 'ask'> {
  readonly databaseAway: () => string | undefined
}

/** The public listener, which follows the log from now on, and the rate of events that it tells of. */
export function buildServing(
  { settings, supervisor, database, registry, logger }: StageContext,
  { log, takedowns, wakeUps, limits, databaseAway, notReady }: ServingPorts,
) {
  const rate = new HeadRate(log)
  const call = createCall({
    context: {
      database,
      wakeUps,
      limits,
      allowPrivate: settings.RELAY_ALLOW_PRIVATE_HOSTS,
      newHosts: newHosts(settings),
      log,
      windowHours: settings.RELAY_RETENTION_HOURS,
      eventsPerSecond: rate.perSecond,
      now: Date.now,
    },
    databaseAway,
    logger: logger.child({ part: 'fanout' }),
  })
  const serving = serve({
    log,
    takedowns,
    registry,
    logger: logger.child({ part: 'fanout' }),
    logLevel: settings.RELAY_LOG_LEVEL,
    trustedProxies: settings.RELAY_TRUSTED_PROXIES,
    limits: newAddressLimits(settings),
    deflate: settings.RELAY_FANOUT_DEFLATE,
    notReady,
    call,
    threads: fanoutThreads(settings),
    onFault: (error) => supervisor.fail(error),
  })
  return { serving, rate }
}

/** What the operator listener answers beside metrics and health: the admin API and the dashboard. */
export function buildOperatorPages(
  { settings, database, logger }: StageContext,
  { databaseAway, ...ports }: OperatorPorts,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const admin = createAdminApi({
    passwords: settings.RELAY_ADMIN_PASSWORD,
    trustedProxies: settings.RELAY_TRUSTED_PROXIES,
    context: {
      ...ports,
      database,
      newHosts: newHosts(settings),
      allowPrivate: settings.RELAY_ALLOW_PRIVATE_HOSTS,
      now: Date.now,
    },
    databaseAway,
    logger: logger.child({ part: 'admin' }),
  })
  const dashboard = createDashboard()
  return (request, response) => admin(request, response) || dashboard(request, response)
}
