/**
 * All stages in one process, on the embedded log and SQLite. The frame's way: crawler, `raw`, verifier, `verified`,
 * sequencer, log, fan-out. Nothing but this file, stages/ and cluster/ knows several stages.
 *
 * A start goes from what is durable to what listens: 1. the lock of the folder; 2. database and log; 3. the state, up to
 * the log's end; 4. topics in memory; 5. the stages, built by stages/ and then run; 6. the listeners.
 *
 * A stop goes the frame's way: 1. hosts are read no further (`crawling`); 2. what is in `raw` is done, or 15 s are over;
 * 3. verifier (`judging`) and sequencer (`ordering`) end; 4. the cursors are saved as they are then; 5. subscribers are
 * sent away; 6. what the supervisor's signal runs ends, then log, database and lock are closed. Heartbeat, webhook and
 * the loops beside the order run under `judging`; all other bookkeeping under the supervisor's signal. A kill in the
 * midst of it costs nothing: cursors are behind the log, the view is brought up from it.
 */

import { join } from 'node:path'
import { LocalLimits } from '@bgs/api/http/call-limits.ts'
import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { AllHosts } from '@bgs/crawler/all-hosts.ts'
import { crawlerMetrics } from '@bgs/crawler/metrics.ts'
import { StatusRecheck } from '@bgs/crawler/status-recheck.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { Takedowns } from '@bgs/fanout/takedowns.ts'
import { processMetrics } from '@bgs/runtime/process-metrics/process-metrics.ts'
import { close, listen, shown } from '@bgs/runtime/service/listen.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { createRegistry } from '@bgs/runtime/service/metrics.ts'
import { createOpsServer } from '@bgs/runtime/service/ops-server.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { Supervisor } from '@bgs/runtime/service/supervisor.ts'
import { sendHeartbeats } from '@bgs/sequencer/heartbeat.ts'
import { sequencerMetrics } from '@bgs/sequencer/metrics.ts'
import { viewPosition } from '@bgs/sequencer/view.ts'
import { IdentityStore } from '@bgs/verifier/identity/store.ts'
import { askForConfigured } from './configured-hosts.ts'
import { DiskGate } from './disk-gate.ts'
import { drained } from './drain.ts'
import { EmbeddedHealth } from './embedded/health.ts'
import { type EmbeddedMachine, thisEmbeddedMachine } from './embedded/machine.ts'
import { openLog } from './embedded/open-log.ts'
import { openTopics } from './embedded/topics.ts'
import { metricsUpdater } from './embedded/update-metrics.ts'
import { diskMetrics } from './metrics.ts'
import type { Relay } from './relay.ts'
import { buildCrawler, buildWebhook } from './stages/crawler.ts'
import { buildHousekeeping, buildSequencer, openState } from './stages/sequencer.ts'
import { buildOperatorPages, buildServing } from './stages/serving.ts'
import type { StageContext } from './stages/stage-context.ts'
import { buildVerifier, saveIdentities, verifierStageMetrics } from './stages/verifier.ts'

/** How long a stop waits for what is on its way. */
const DRAIN_MS = 15_000
const CACHED_IDENTITIES = 200_000

/** All stages in this process, on the embedded log and SQLite (role `all`). */
export async function startEmbedded(
  settings: Settings,
  logger: Logger,
  machine: EmbeddedMachine = thisEmbeddedMachine,
): Promise<Relay & { readonly publicPort: number }> {
  const folder = settings.RELAY_DATA_DIR
  const logFolder = join(folder, 'log')
  const { disk } = machine
  await machine.makeFolder(logFolder)
  const lock = machine.lock(folder)
  const supervisor = new Supervisor(logger)
  const registry = createRegistry()

  // The log is the truth, the database the state as of a position: first both, then the state up to the log's end.
  const database = await machine.openDatabase(join(folder, 'state.db'))
  const position = await viewPosition(database)
  const log = await openLog(settings, logger, { folder: logFolder, disk, lock, seenPosition: position })
  const { state, view, replayed } = await openState({ settings, database }, log, position)
  const bounds = log.bounds()
  logger.info(
    { head: bounds.next - 1, oldest: bounds.first, replayed, generation: log.generation },
    'the log is open',
  )

  // The bus between the stages. What a verifier publishes is safe when it is appended: then its raw frame is done.
  const topics = openTopics(settings, log.generation)
  const { raw, verified } = topics
  const control = topics.control.producer<() => void>((done) => done())
  const wakeUps = new LocalWakeUps()
  const rejections = new RejectionRecorder(database)
  const context: StageContext = { settings, logger, registry, supervisor, database, rejections }

  const { metrics: verifierMetrics, backends } = verifierStageMetrics(registry)
  const identityStore = new IdentityStore(database)
  const publishVerified = verified.producer<BusEntry<RawEnvelope>>((entry) => reading.done(entry))
  const { verifier, reading, identities, pool, threads } = buildVerifier(context, {
    metrics: verifierMetrics,
    raw: raw.consumer(),
    // In memory positions begin anew with each life: a frame is known by its host's seq.
    keyOf: ({ value: { host, epoch, seq, isHeartbeat } }) =>
      isHeartbeat === true ? undefined : `raw ${host} ${epoch} ${seq}`,
    verified: publishVerified,
    identityStore,
    onBrokenFrame: (frame) => crawler.noteBroken(frame),
    charge: (charge) => crawler.charge(charge),
  })
  const knownIdentities = await identityStore.load(identities.cache, CACHED_IDENTITIES)
  await reading.begin('raw')

  const ofCrawler = crawlerMetrics(registry)
  const ofSequencer = sequencerMetrics(registry)
  // Whoever runs all of it leads.
  ofSequencer.leader.set(1)
  const recheck = new StatusRecheck(control, ofCrawler, settings.RELAY_ALLOW_PRIVATE_HOSTS)
  const sequencer = buildSequencer(context, {
    verified: verified.consumer(),
    control: topics.control.consumer(),
    log,
    state,
    view,
    metrics: ofSequencer,
    ask: recheck.ask,
  })

  const gate = new DiskGate(disk, folder, logger, diskMetrics(registry))
  await gate.look()
  const crawler = buildCrawler(context, {
    hosts: new AllHosts(database),
    raw,
    control,
    wakeUps,
    gate: gate.closed,
    metrics: ofCrawler,
  })

  const health = new EmbeddedHealth(sequencer, gate)
  const databaseAway = () => undefined
  const { serving, rate } = buildServing(context, {
    log,
    takedowns: await Takedowns.load(database, log),
    wakeUps,
    limits: new LocalLimits(),
    databaseAway,
    notReady: health.notReady,
  })
  health.served = serving
  const refresh = metricsUpdater(registry, {
    topics,
    health,
    sequencer,
    identities,
    serving,
    rejections,
    supervisor,
  })
  const ownMetrics = async () => {
    refresh()
    return [await processMetrics('embedded', 'all', [registry, await serving.threadRegistry()])]
  }
  const { subscribers } = serving
  const asked = {
    control,
    wakeUps,
    log,
    subscribers,
    processMetrics: ownMetrics,
    ask: recheck.ask,
    databaseAway,
  }
  const opsServer = createOpsServer(settings, registry, {
    notReady: health.notReady,
    restartCouldHelp: health.restartCouldHelp,
    refresh,
    others: async () => (await serving.threadRegistry()).metrics(),
    handle: buildOperatorPages(context, asked),
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
  const asking = { control, wakeUps, signal: supervisor.signal }
  supervisor.run('configured hosts', askForConfigured(database, settings, asking))
  void supervisor.tend('status recheck', (signal) => recheck.run(signal))
  const housekeeping = { control, metrics: ofSequencer, ask: recheck.ask }
  const { releaser, stats, rechecker } = buildHousekeeping(context, housekeeping)
  void supervisor.tend('releaser', (signal) => releaser.run(signal), judging.signal)
  supervisor.run('heartbeat', sendHeartbeats(control, judging.signal))
  const hook = buildWebhook(context)
  if (hook !== undefined) void supervisor.tend('webhook', (signal) => hook.run(signal), judging.signal)
  void supervisor.tend('host census', (signal) => stats.run(signal), judging.signal)
  void supervisor.tend('status sweep', (signal) => rechecker.run(signal), judging.signal)
  supervisor.run('disk gate', gate.run(supervisor.signal))
  void supervisor.tend('refusals', (signal) => rejections.run(signal))
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
  if (settings.RELAY_ALLOW_PRIVATE_HOSTS)
    logger.warn('RELAY_ALLOW_PRIVATE_HOSTS is on: any address is crawled. For development only.')

  async function stop(): Promise<void> {
    health.isStopping = true
    crawling.abort()
    await crawlerDone
    await drained(raw, DRAIN_MS)
    judging.abort()
    ordering.abort()
    await Promise.all([verifierDone, sequencerDone])
    await crawler.saveAll()
    await reading.ended(['raw'])
    await rejections.save()
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
    noteFault: (isOwn) => reading.noteFault(isOwn),
    stop,
  }
}
