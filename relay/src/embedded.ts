/**
 * All stages in one process, on the embedded log and SQLite. The frame's way: crawler, `raw`, verifier, `verified`,
 * sequencer, log, fan-out. Nothing but this file and cluster/ knows several stages.
 *
 * A start goes from what is durable to what listens: 1. the lock of the folder; 2. database and log; 3. the state, up to
 * the log's end; 4. topics in memory; 5. the stages, each handed what it needs; 6. the listeners.
 *
 * A stop goes the frame's way: 1. hosts are read no further; 2. what is in `raw` is done, or 15 s are over; 3. verifier
 * and sequencer end; 4. the cursors are saved as they are then; 5. subscribers are sent away; 6. log, database and lock
 * are closed. A kill in the midst of it costs nothing: cursors are behind the log, the view is brought up from it.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdminApi } from '@bgs/api/admin/admin-api.ts'
import { LocalLimits } from '@bgs/api/http/call-limits.ts'
import { createCall } from '@bgs/api/xrpc/call.ts'
import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { AllHosts } from '@bgs/crawler/all-hosts.ts'
import { Crawler } from '@bgs/crawler/crawler.ts'
import { crawlerMetrics } from '@bgs/crawler/metrics.ts'
import { StatusRecheck } from '@bgs/crawler/status-recheck.ts'
import { createDashboard } from '@bgs/dashboard/serve-dashboard.ts'
import { RefusalBook } from '@bgs/database/hosts/refusal-book.ts'
import { DataLock } from '@bgs/database/lock.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { type Disk, nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { HeadRate } from '@bgs/fanout/head-rate.ts'
import { feedMetrics } from '@bgs/fanout/metrics.ts'
import { serve } from '@bgs/fanout/serve/serve.ts'
import type { Serving } from '@bgs/fanout/serve/serving.ts'
import { Takedowns } from '@bgs/fanout/takedowns.ts'
import { curveBackends } from '@bgs/protocol/signature/verify.ts'
import { processFigures } from '@bgs/runtime/figures/process-figures.ts'
import { strangersNames } from '@bgs/runtime/net/strangers-names.ts'
import { newAddressLimits } from '@bgs/runtime/service/address-limits.ts'
import { descriptors } from '@bgs/runtime/service/descriptors.ts'
import { stalledText, stuckText } from '@bgs/runtime/service/heartbeat.ts'
import { close, listen, shown } from '@bgs/runtime/service/listen.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { createRegistry } from '@bgs/runtime/service/metrics.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { createOpsServer } from '@bgs/runtime/service/ops-server.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { busMetrics, refusalMetrics } from '@bgs/runtime/service/shared-metrics.ts'
import { Supervisor } from '@bgs/runtime/service/supervisor.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { bringUp } from '@bgs/sequencer/bring-up.ts'
import { sayHeartbeats } from '@bgs/sequencer/heartbeat.ts'
import { HostCensus } from '@bgs/sequencer/host-census.ts'
import { sequencerMetrics } from '@bgs/sequencer/metrics.ts'
import { Releaser } from '@bgs/sequencer/releaser.ts'
import { Sequencer } from '@bgs/sequencer/sequencer.ts'
import { State } from '@bgs/sequencer/state/state.ts'
import { StatusSweep } from '@bgs/sequencer/status-sweep.ts'
import { viewPosition } from '@bgs/sequencer/view.ts'
import { Identities } from '@bgs/verifier/identity/identities.ts'
import { IdentityStore } from '@bgs/verifier/identity/store.ts'
import { JudgePool } from '@bgs/verifier/judge/pool.ts'
import { verifierMetrics } from '@bgs/verifier/metrics.ts'
import { Verifier } from '@bgs/verifier/verifier.ts'
import { AccountLimitWebhook } from './account-limit-webhook.ts'
import { gaugeBookkeeping } from './bookkeeping-gauges.ts'
import { gaugeTopics } from './bus-gauges.ts'
import { readCautiously } from './cautious.ts'
import { conductLimits } from './conduct-limits.ts'
import { askForConfigured } from './configured-hosts.ts'
import { DiskGate } from './disk-gate.ts'
import { drained } from './drain.ts'
import { gaugeHeartbeat } from './heartbeat-gauges.ts'
import { bookkeepingMetrics, diskMetrics, heartbeatMetrics, webhookMetrics } from './metrics.ts'
import { newHosts } from './new-hosts.ts'
import { gaugeRefusals } from './refusal-gauges.ts'
import type { Relay } from './relay.ts'
import { retentionBytes, segmentBytes } from './retention.ts'
import { fanoutThreads, verifierThreads } from './threads.ts'

/** Frames on their way in memory: `raw` until they are durable, of those `verified` what was judged. */
const RAW_BYTES = 16 * 1024 * 1024
const VERIFIED_BYTES = 8 * 1024 * 1024
const CONTROL_BYTES = 4 * 1024 * 1024
const RESOLVE_TIMEOUT_MS = 5_000
const SAVE_IDENTITIES_EVERY_MS = 10_000
/** How long a stop waits for what is on its way. */
const DRAIN_MS = 15_000
const CACHED_IDENTITIES = 200_000

/** All stages in this process, on the embedded log and SQLite (role `all`). */
export async function startEmbedded(
  settings: Settings,
  logger: Logger,
  disk: Disk = nodeDisk,
): Promise<Relay & { readonly publicPort: number }> {
  const folder = settings.RELAY_DATA_DIR
  const logFolder = join(folder, 'log')
  await mkdir(logFolder, { recursive: true })
  const lock = DataLock.take(folder)
  const supervisor = new Supervisor(logger)
  const registry = createRegistry()
  const allowPrivate = settings.RELAY_ALLOW_PRIVATE_HOSTS

  // The log is the truth, the database the state as of a position: first both, then the state up to the log's end.
  const database = await SqliteDatabase.open(join(folder, 'state.db'))
  const position = await viewPosition(database)
  const bytes = await retentionBytes(settings, disk, logFolder)
  const log = await SegmentLog.open({
    folder: logFolder,
    disk,
    generation: lock.generation,
    retentionMs: settings.RELAY_RETENTION_HOURS * 3_600_000,
    retentionBytes: bytes,
    segmentBytes: segmentBytes(bytes),
    seenPosition: position,
    clean: lock.clean,
  })
  if (log.cutBytes > 0)
    logger.warn({ bytes: log.cutBytes }, 'cut a torn tail off the log: an append that was never committed')
  const state = new State(database, newHosts(settings).accountLimit, settings.RELAY_ACCOUNT_CACHE_BYTES)
  const { view, replayed } = await bringUp(log, database, state, position)
  const bounds = log.bounds()
  logger.info(
    { head: bounds.next - 1, oldest: bounds.first, replayed, generation: log.generation },
    'the log is open',
  )

  // The bus between the stages. What a verifier publishes is safe when it is appended: then its raw frame is done.
  const topic = { generation: log.generation, partitions: settings.RELAY_RAW_PARTITIONS }
  const raw = new MemoryTopic<RawEnvelope>({
    ...topic,
    maxBytes: Math.min(RAW_BYTES, settings.RELAY_BACKLOG_BYTES),
  })
  const verified = new MemoryTopic<VerifiedEnvelope>({ ...topic, maxBytes: VERIFIED_BYTES })
  const control = new MemoryTopic<ControlMessage>({ ...topic, partitions: 1, maxBytes: CONTROL_BYTES })
  const say = control.producer<() => void>((done) => done())
  const wakeUps = new LocalWakeUps()
  const refusals = new RefusalBook(database)

  const verifierFigures = verifierMetrics(registry)
  const backends = curveBackends()
  for (const [curve, backend] of Object.entries(backends)) verifierFigures.curve.set({ curve, backend }, 1)
  const threads = verifierThreads(settings)
  const pool = new JudgePool(threads, (error) => supervisor.fail(error))
  const identityStore = new IdentityStore(database)
  const identities = new Identities(
    { plcUrl: settings.RELAY_PLC_URL, allowPrivate, userAgent: USER_AGENT, timeoutMs: RESOLVE_TIMEOUT_MS },
    verifierFigures,
    identityStore,
    supervisor.signal,
  )
  const knownIdentities = await identityStore.load(identities.cache, CACHED_IDENTITIES)
  // In memory positions begin anew with each life: a frame is known by its host's seq.
  const rawConsumer = readCautiously(raw.consumer(), {
    database,
    refusals,
    refused: verifierFigures.refused,
    logger: logger.child({ part: 'verifier' }),
    keyOf: ({ value: { host, epoch, seq, isHeartbeat } }) =>
      isHeartbeat === true ? undefined : `raw ${host} ${epoch} ${seq}`,
    told: (value) => (value.isHeartbeat === true ? undefined : value),
  })
  await rawConsumer.begin('raw')
  const verifier = new Verifier({
    raw: rawConsumer,
    verified: verified.producer<BusEntry<RawEnvelope>>((entry) => rawConsumer.done(entry)),
    identities,
    pool,
    metrics: verifierFigures,
    refusals,
    onBrokenFrame: (frame) => crawler.noteBroken(frame),
    charge: (charge) => crawler.charge(charge),
    logger: logger.child({ part: 'verifier' }),
    wallNow: Date.now,
  })

  const crawlerFigures = crawlerMetrics(registry)
  const sequencerFigures = sequencerMetrics(registry)
  // Whoever runs all of it leads.
  sequencerFigures.leader.set(1)
  const recheck = new StatusRecheck(say, crawlerFigures, allowPrivate)
  const sequencer = new Sequencer({
    verified: verified.consumer(),
    partitions: settings.RELAY_RAW_PARTITIONS,
    control: control.consumer(),
    log,
    state,
    view,
    metrics: sequencerFigures,
    logger: logger.child({ part: 'sequencer' }),
    ask: recheck.ask,
    refusals,
    conduct: conductLimits(settings),
    now: Date.now,
  })

  const gate = new DiskGate(disk, folder, logger, diskMetrics(registry))
  await gate.look()
  const crawler = new Crawler({
    database,
    hosts: new AllHosts(database),
    raw,
    control: say,
    wakeUps,
    partitions: settings.RELAY_RAW_PARTITIONS,
    gate: gate.closed,
    descriptors,
    metrics: crawlerFigures,
    refusals,
    logger: logger.child({ part: 'crawler' }),
    names: strangersNames(allowPrivate),
    allowPrivate,
    startLive: settings.RELAY_NEW_HOST_CURSOR === 'live',
    now: Date.now,
  })

  let stopping = false
  // Threads that serve ask whether all is well while they are begun.
  let served: Pick<Serving, 'heardMs'> | undefined
  const heartbeatAges = () => ({
    ...sequencer.heartbeatAges,
    fanout: served && monotonicMs() - served.heardMs,
  })
  const unhealthy = () => (stopping ? 'stopping' : stalledText(heartbeatAges()))
  // What waits for the disk is not helped by a restart; nor is a host that is silent, so `raw` says nothing here.
  const restartCouldHelp = () => {
    const { control: orders, log: appends, view: rows } = sequencer.heartbeatAges
    const isWaiting = stopping || gate.closed() !== undefined
    return isWaiting ? undefined : stuckText({ control: orders, log: appends, view: rows })
  }
  const rate = new HeadRate(log)
  const call = createCall({
    context: {
      database,
      wakeUps,
      limits: new LocalLimits(),
      allowPrivate,
      newHosts: newHosts(settings),
      log,
      windowHours: settings.RELAY_RETENTION_HOURS,
      eventsPerSecond: rate.perSecond,
      now: Date.now,
    },
    databaseAway: () => undefined,
    logger: logger.child({ part: 'fanout' }),
  })
  const serving = serve({
    log,
    takedowns: await Takedowns.load(database, log),
    registry,
    logger: logger.child({ part: 'fanout' }),
    logLevel: settings.RELAY_LOG_LEVEL,
    trustedProxies: settings.RELAY_TRUSTED_PROXIES,
    limits: newAddressLimits(settings),
    deflate: settings.RELAY_FANOUT_DEFLATE,
    notReady: unhealthy,
    call,
    threads: fanoutThreads(settings),
    onFault: (error) => supervisor.fail(error),
  })
  served = serving
  const busFigures = busMetrics(registry)
  const heartbeat = heartbeatMetrics(registry)
  const feedFigures = feedMetrics(registry)
  const refusalFigures = refusalMetrics(registry)
  const bookkeepingFigures = bookkeepingMetrics(registry)
  const refresh = () => {
    gaugeTopics(busFigures, { raw, verified, control })
    gaugeHeartbeat(heartbeat, heartbeatAges())
    sequencer.gauge()
    identities.gauge()
    feedFigures.bytes.set(serving.feedBytes)
    gaugeRefusals(refusalFigures, refusals)
    gaugeBookkeeping(bookkeepingFigures, supervisor.failures)
  }
  const figures = async () => {
    refresh()
    return [await processFigures('embedded', 'all', [registry, await serving.threadRegistry()])]
  }
  const admin = createAdminApi({
    passwords: settings.RELAY_ADMIN_PASSWORD,
    trustedProxies: settings.RELAY_TRUSTED_PROXIES,
    context: {
      database,
      control: say,
      wakeUps,
      log,
      consumers: serving.consumers,
      figures,
      ask: recheck.ask,
      newHosts: newHosts(settings),
      allowPrivate,
      now: Date.now,
    },
    databaseAway: () => undefined,
    logger: logger.child({ part: 'admin' }),
  })
  const dashboard = createDashboard()
  const opsServer = createOpsServer(settings, registry, {
    notReady: unhealthy,
    restartCouldHelp,
    refresh,
    others: async () => (await serving.threadRegistry()).metrics(),
    handle: (request, response) => admin(request, response) || dashboard(request, response),
  })

  // Three signals, so that a stop can end the stages in the order of the frame's way.
  const crawling = new AbortController()
  const judging = new AbortController()
  const ordering = new AbortController()
  const crawlerDone = crawler.run(crawling.signal)
  const verifierDone = verifier.run(judging.signal)
  const sequencerDone = sequencer.run(ordering.signal)
  supervisor.run('crawler', crawlerDone)
  supervisor.run('verifier', verifierDone)
  supervisor.run('sequencer', sequencerDone)
  const asking = { control: say, wakeUps, signal: supervisor.signal }
  supervisor.run('configured hosts', askForConfigured(database, settings, asking))
  void supervisor.tend('status recheck', (signal) => recheck.run(signal))
  const roundMs = settings.RELAY_RECHECK_MINUTES * 60_000
  const releaser = new Releaser(database, say, Date.now)
  void supervisor.tend('releaser', (signal) => releaser.run(signal), judging.signal)
  supervisor.run('heartbeat', sayHeartbeats(say, judging.signal))
  if (settings.RELAY_WEBHOOK_URL !== '') {
    const hook = new AccountLimitWebhook({
      database,
      url: settings.RELAY_WEBHOOK_URL,
      metrics: webhookMetrics(registry),
      logger: logger.child({ part: 'webhook' }),
      now: Date.now,
    })
    void supervisor.tend('webhook', (signal) => hook.run(signal), judging.signal)
  }
  const census = new HostCensus(database, sequencerFigures)
  void supervisor.tend('host census', (signal) => census.run(signal), judging.signal)
  const sweep = new StatusSweep(database, recheck.ask, roundMs)
  void supervisor.tend('status sweep', (signal) => sweep.run(signal), judging.signal)
  supervisor.run('disk gate', gate.run(supervisor.signal))
  void supervisor.tend('refusals', (signal) => refusals.run(signal))
  void supervisor.tend('identity store', (signal) => saveIdentities(identityStore, signal))

  const publicPort = await serving.listen(settings.RELAY_PORT, settings.RELAY_HOST)
  const opsPort = await listen(opsServer, settings.RELAY_OPS_PORT, settings.RELAY_OPS_HOST)
  logger.info(
    {
      signatures: backends,
      verifierThreads: threads,
      hosts: settings.RELAY_HOSTS.length,
      identities: knownIdentities,
    },
    'relay is up',
  )
  logger.info(
    `subscribe:  ws://${shown(settings.RELAY_HOST)}:${publicPort}/xrpc/com.atproto.sync.subscribeRepos`,
  )
  logger.info(
    `operate:    http://${shown(settings.RELAY_OPS_HOST)}:${opsPort}/dashboard/  /metrics  /readyz  /livez`,
  )
  if (allowPrivate)
    logger.warn('RELAY_ALLOW_PRIVATE_HOSTS is on: any address is crawled. For development only.')

  async function stop(): Promise<void> {
    stopping = true
    crawling.abort()
    await crawlerDone
    await drained(raw, DRAIN_MS)
    judging.abort()
    ordering.abort()
    await Promise.all([verifierDone, sequencerDone])
    await crawler.saveAll()
    await rawConsumer.ended(['raw'])
    await refusals.save()
    await serving.close()
    rate.close()
    await supervisor.stop()
    await close(opsServer)
    await pool.close()
    await log.close()
    await database.close()
    lock.release()
  }
  return {
    publicPort,
    opsPort,
    fault: supervisor.fault,
    noteFault: (isOwn) => rawConsumer.noteFault(isOwn),
    stop,
  }
}

async function saveIdentities(store: IdentityStore, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await wait(SAVE_IDENTITIES_EVERY_MS, signal)
    await store.save()
  }
}
