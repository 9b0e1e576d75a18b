import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import { RedisWakeUps } from '@bgs/cluster/redis/redis-wake-ups.ts'
import type { Database } from '@bgs/contract/database.ts'
import { feedMetrics, mirrorMetrics } from '@bgs/fanout/metrics.ts'
import { Takedowns } from '@bgs/fanout/takedowns.ts'
import { lookAtDisk } from '../disk-metrics.ts'
import { updateHeartbeat } from '../heartbeat-metrics.ts'
import { diskMetrics } from '../metrics.ts'
import { retentionBytes, segmentBytes } from '../retention.ts'
import { buildOperatorPages, buildServing } from '../stages/serving.ts'
import type { ClusterContext } from './context.ts'
import { controlProducer } from './control-producer.ts'
import { Mirror } from './mirror.ts'
import { questionChannel } from './questions.ts'
import type { Role } from './role.ts'
import { updateProducer } from './role-metrics.ts'
import { SharedLimits } from './shared-limits.ts'
import { SubscriberDirectory } from './subscriber-directory.ts'

/**
 * A fan-out node: mirrors the log, serves subscribers and XRPC. Resolves to the port it listens on, too. A stop:
 * 1. subscribers are sent away; 2. control, the directory and the look at the disk end (`saying`); 3. the mirror ends
 * (`mirroring`) and is closed; 4. the lock is released.
 */
export async function startFanout(context: ClusterContext): Promise<Role & { readonly publicPort: number }> {
  const { settings, supervisor, database, kafka, registry, logger, redis, machine } = context
  const folder = settings.RELAY_DATA_DIR
  await machine.makeFolder(folder)
  const lock = machine.lock(folder)
  const mirrorFolder = join(folder, 'mirror')
  await machine.makeFolder(mirrorFolder)
  const bytes = await retentionBytes(settings, machine.disk, mirrorFolder)
  const mirror = await Mirror.open({
    reader: new SequencedReader(kafka, context.topic('sequenced')),
    fillReader: new SequencedReader(kafka, context.topic('sequenced')),
    // What the view does not have tells of takedowns: all of it must come by.
    from: await viewPosition(database),
    segments: {
      folder: mirrorFolder,
      disk: machine.disk,
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
  const { serving, rate } = buildServing(context, {
    log: mirror,
    takedowns,
    wakeUps,
    limits: new SharedLimits(redis, settings.RELAY_KAFKA_TOPIC_PREFIX),
    databaseAway,
    notReady,
  })
  const publishing = new AbortController()
  const control = controlProducer(context)
  supervisor.run('control of the admin API', control.run(publishing.signal))
  const questions = questionChannel(context)
  const prefix = settings.RELAY_KAFKA_TOPIC_PREFIX
  const subscribers = new SubscriberDirectory(redis, prefix, randomUUID(), serving.subscribers)
  supervisor.run('directory of subscribers', subscribers.run(publishing.signal))
  const handle = buildOperatorPages(context, {
    control,
    wakeUps,
    log: mirror,
    subscribers,
    processMetrics: context.processMetrics,
    ask: (question) => questions.send(question),
    databaseAway,
  })
  const mirroring = new AbortController()
  const mirrored = mirror.run(AbortSignal.any([mirroring.signal, supervisor.signal]))
  supervisor.run('mirror', mirrored)
  const feed = feedMetrics(registry)
  const ofMirror = mirrorMetrics(registry)
  const disk = diskMetrics(registry)
  supervisor.run('look at the disk', lookAtDisk(machine.disk, folder, disk, publishing.signal))
  const publicPort = await serving.listen(settings.RELAY_PORT, settings.RELAY_HOST)
  return {
    publicPort,
    notReady,
    refresh: () => {
      ofMirror.lag.set(mirror.lag)
      ofMirror.missing.set(mirror.missing)
      ofMirror.dropped.set(mirror.dropped)
      // The mirror counts on its own, for it has no registry.
      ofMirror.full.reset()
      ofMirror.full.inc(mirror.fullTimes)
      ofMirror.trimFailures.reset()
      ofMirror.trimFailures.inc(mirror.trimFailures)
      feed.bytes.set(serving.feedBytes)
      const nowMs = performance.now()
      updateHeartbeat(context.metrics.heartbeat, {
        mirror: nowMs - mirror.lastReceivedMs,
        fanout: nowMs - serving.lastReceivedMs,
      })
      updateProducer(context.metrics, 'control', control)
    },
    threadRegistry: () => serving.threadRegistry(),
    handle,
    stop: async () => {
      stopping = true
      await serving.close()
      rate.close()
      publishing.abort()
      subscribers.close()
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
