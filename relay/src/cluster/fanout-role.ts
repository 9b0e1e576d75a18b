import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdminApi } from '@bgs/api/admin/admin-api.ts'
import { createCall } from '@bgs/api/xrpc/call.ts'
import { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import { RedisWakeUps } from '@bgs/cluster/redis/redis-wake-ups.ts'
import type { Database } from '@bgs/contract/database.ts'
import { createDashboard } from '@bgs/dashboard/serve-dashboard.ts'
import { DataLock } from '@bgs/database/lock.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { HeadRate } from '@bgs/fanout/head-rate.ts'
import { feedMetrics, mirrorMetrics } from '@bgs/fanout/metrics.ts'
import { serve } from '@bgs/fanout/serve/serve.ts'
import { Takedowns } from '@bgs/fanout/takedowns.ts'
import { newAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import { lookAtDisk } from '../disk-gauges.ts'
import { gaugeHeartbeat } from '../heartbeat-gauges.ts'
import { diskMetrics } from '../metrics.ts'
import { newHosts } from '../new-hosts.ts'
import { retentionBytes, segmentBytes } from '../retention.ts'
import { fanoutThreads } from '../threads.ts'
import { ConsumerDirectory } from './consumer-directory.ts'
import type { ClusterContext } from './context.ts'
import { controlProducer } from './control-producer.ts'
import { Mirror } from './mirror.ts'
import { questionChannel } from './questions.ts'
import type { Role } from './role.ts'
import { gaugeProducer } from './shared-figures.ts'
import { SharedLimits } from './shared-limits.ts'

/** A fan-out node: mirrors the log, serves subscribers and XRPC. Resolves to the port it listens on, too. */
export async function startFanout(context: ClusterContext): Promise<Role & { readonly publicPort: number }> {
  const { settings, supervisor, database, kafka, registry, logger, redis } = context
  const folder = settings.RELAY_DATA_DIR
  await mkdir(folder, { recursive: true })
  const lock = DataLock.take(folder)
  const mirrorFolder = join(folder, 'mirror')
  await mkdir(mirrorFolder, { recursive: true })
  const bytes = await retentionBytes(settings, nodeDisk, mirrorFolder)
  const mirror = await Mirror.open({
    reader: new SequencedReader(kafka, context.topic('sequenced')),
    fillReader: new SequencedReader(kafka, context.topic('sequenced')),
    // What the view does not have tells of takedowns: all of it must come by.
    from: await viewPosition(database),
    segments: {
      folder: mirrorFolder,
      disk: nodeDisk,
      retentionMs: settings.RELAY_RETENTION_HOURS * 3_600_000,
      retentionBytes: bytes,
      segmentBytes: segmentBytes(bytes),
    },
    logger: logger.child({ part: 'mirror' }),
    signal: supervisor.signal,
  })
  const takedowns = await Takedowns.load(database, mirror)
  let stopping = false
  const notReady = () => (stopping ? 'stopping' : mirror.notReady)
  const databaseAway = () =>
    context.health.postgres.trouble === undefined ? undefined : 'the database is away'
  const wakeUps = new RedisWakeUps(redis, settings.RELAY_KAFKA_TOPIC_PREFIX)
  const rate = new HeadRate(mirror)
  const call = createCall({
    context: {
      database,
      wakeUps,
      limits: new SharedLimits(redis, settings.RELAY_KAFKA_TOPIC_PREFIX),
      allowPrivate: settings.RELAY_ALLOW_PRIVATE_HOSTS,
      newHosts: newHosts(settings),
      log: mirror,
      windowHours: settings.RELAY_RETENTION_HOURS,
      eventsPerSecond: rate.perSecond,
      now: Date.now,
    },
    databaseAway,
    logger: logger.child({ part: 'fanout' }),
  })
  const serving = serve({
    log: mirror,
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
  const saying = new AbortController()
  const control = controlProducer(context)
  supervisor.run('control of the admin API', control.run(saying.signal))
  const questions = questionChannel(context)
  const prefix = settings.RELAY_KAFKA_TOPIC_PREFIX
  const consumers = new ConsumerDirectory(redis, prefix, randomUUID(), serving.consumers)
  supervisor.run('directory of subscribers', consumers.run(saying.signal))
  const dashboard = createDashboard()
  const admin = createAdminApi({
    passwords: settings.RELAY_ADMIN_PASSWORD,
    trustedProxies: settings.RELAY_TRUSTED_PROXIES,
    context: {
      database,
      control,
      wakeUps,
      log: mirror,
      consumers,
      figures: context.figures,
      ask: (question) => questions.send(question),
      newHosts: newHosts(settings),
      allowPrivate: settings.RELAY_ALLOW_PRIVATE_HOSTS,
      now: Date.now,
    },
    databaseAway,
    logger: logger.child({ part: 'admin' }),
  })
  const mirroring = new AbortController()
  const mirrored = mirror.run(AbortSignal.any([mirroring.signal, supervisor.signal]))
  supervisor.run('mirror', mirrored)
  const feed = feedMetrics(registry)
  const figures = mirrorMetrics(registry)
  const disk = diskMetrics(registry)
  supervisor.run('look at the disk', lookAtDisk(nodeDisk, folder, disk, saying.signal))
  const publicPort = await serving.listen(settings.RELAY_PORT, settings.RELAY_HOST)
  return {
    publicPort,
    notReady,
    refresh: () => {
      figures.lag.set(mirror.lag)
      figures.missing.set(mirror.missing)
      figures.dropped.set(mirror.dropped)
      // The mirror counts on its own, for it has no registry.
      figures.full.reset()
      figures.full.inc(mirror.fullTimes)
      figures.trimFailures.reset()
      figures.trimFailures.inc(mirror.trimFailures)
      feed.bytes.set(serving.feedBytes)
      const nowMs = performance.now()
      gaugeHeartbeat(context.gauges.heartbeat, {
        mirror: nowMs - mirror.heardMs,
        fanout: nowMs - serving.heardMs,
      })
      gaugeProducer(context.gauges, 'control', control)
    },
    threadRegistry: () => serving.threadRegistry(),
    handle: (request, response) => admin(request, response) || dashboard(request, response),
    stop: async () => {
      stopping = true
      await serving.close()
      rate.close()
      saying.abort()
      consumers.close()
      questions.close()
      mirroring.abort()
      await mirrored
      wakeUps.close()
      await mirror.close()
      lock.release()
    },
  }
}

async function viewPosition(database: Database): Promise<number> {
  const [view] = await database.query<{ position: number }>('SELECT position FROM view WHERE id = 1')
  return Number(view?.position ?? 0) + 1
}
