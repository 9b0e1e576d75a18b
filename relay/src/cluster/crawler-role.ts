import type { Backlog } from '@bgs/cluster/bus/backlog.ts'
import { KafkaProducer } from '@bgs/cluster/bus/kafka-producer.ts'
import { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { RedisWakeUps } from '@bgs/cluster/redis/redis-wake-ups.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { encodeRawRecord } from '@bgs/contract/envelope/raw-record.ts'
import type { InFlight } from '@bgs/crawler/cursor-tracker.ts'
import { HostReach } from '@bgs/crawler/host-reach.ts'
import { crawlerMetrics } from '@bgs/crawler/metrics.ts'
import { StatusRecheck } from '@bgs/crawler/status-recheck.ts'
import { askForConfigured } from '../configured-hosts.ts'
import { drained } from '../drain.ts'
import { crawlerRoleMetrics } from '../metrics.ts'
import { buildCrawler, buildWebhook } from '../stages/crawler.ts'
import { topicBacklog } from './backlogs.ts'
import { brokenFrameChannel } from './broken-frames.ts'
import { chargeChannel } from './charges.ts'
import type { ClusterContext } from './context.ts'
import { controlProducer } from './control-producer.ts'
import { LeasedHosts } from './leased-hosts.ts'
import { runLeased } from './leased-task.ts'
import { paceOf } from './pace.ts'
import { questionChannel } from './questions.ts'
import type { Role } from './role.ts'
import { RoleMember } from './role-member.ts'
import { updateProducer } from './role-metrics.ts'
import { noteUnwritable } from './unwritable.ts'

/** Frames on their way to Kafka. */
const RAW_BYTES = 8 * 1024 * 1024
const DRAIN_MS = 10_000

/**
 * A crawler among others: leases hosts, reads them, appends their frames to `raw`. A stop: 1. hosts are read no further,
 * and recheck and webhook end (`crawling`); 2. what is on its way to Kafka is there, or 10 s are over for each topic;
 * 3. producers end (`sending`); 4. cursors are saved; 5. membership is no longer renewed (`renewing`), hosts are given
 * up, and it leaves.
 */
export async function startCrawler(context: ClusterContext): Promise<Role> {
  const { settings, supervisor, database, kafka, registry, logger, redis } = context
  const partitions = settings.RELAY_RAW_PARTITIONS
  const metrics = crawlerMetrics(registry)
  const reach = new HostReach()
  const member = new RoleMember(context, 'crawler', {
    topics: ['raw', 'control'],
    unansweredMs: () => Math.max(raw?.unansweredMs() ?? 0, control.unansweredMs()),
    others: [reach],
  })
  const { membership } = member

  const sending = new AbortController()
  const backlog: Backlog = topicBacklog(context, 'raw')
  let raw: KafkaProducer<RawEnvelope, InFlight> | undefined
  const rawTopic = {
    producer<Token>(onSafe: (token: Token) => void) {
      const producer = new KafkaProducer<RawEnvelope, Token>({
        cluster: kafka,
        topic: context.topic('raw'),
        partitions,
        encode: encodeRawRecord,
        maxBytes: RAW_BYTES,
        lingerMs: paceOf(settings).rawLingerMs,
        onSafe,
        onUnwritable: (event, error) => noteUnwritable(context.rejections, logger, event, error),
        onAppended: backlog.noteAppended,
        full: backlog.full,
      })
      supervisor.run('raw', producer.run(sending.signal))
      raw = producer as unknown as KafkaProducer<RawEnvelope, InFlight>
      return producer
    },
  }
  const control = controlProducer(context)
  supervisor.run('control', control.run(sending.signal))

  await membership.renew()

  const wakeUps = new RedisWakeUps(redis, settings.RELAY_KAFKA_TOPIC_PREFIX)
  const hosts = new LeasedHosts(database, membership)
  const crawler = buildCrawler(context, {
    hosts,
    raw: rawTopic,
    control,
    wakeUps,
    gate: membership.gate,
    metrics,
    reach,
  })
  const recheck = new StatusRecheck(control, metrics, settings.RELAY_ALLOW_PRIVATE_HOSTS)
  const questions = questionChannel(context)
  // Every crawler hears it; the one that has the host asks.
  questions.listen((question) => {
    if (crawler.crawls(question.host)) recheck.ask(question)
  })
  const broken = brokenFrameChannel(context)
  broken.listen((frame) => crawler.noteBroken(frame))
  const charges = chargeChannel(context)
  charges.listen((charge) => crawler.charge(charge))

  const crawling = new AbortController()
  const renewing = new AbortController()
  const running = crawler.run(crawling.signal)
  supervisor.run('crawler', running)
  const asking = { control, wakeUps, signal: crawling.signal }
  supervisor.run('configured hosts', askForConfigured(database, settings, asking))
  supervisor.run('membership of the crawler', member.run(renewing.signal))
  supervisor.run('backlog of raw', backlog.run(sending.signal))
  void supervisor.tend('status recheck', (signal) => recheck.run(signal), crawling.signal)
  const hook = buildWebhook(context)
  if (hook !== undefined) {
    // Crawlers may reach the internet, a sequencer may not; one of them calls.
    const leases = new PartitionLeases(database, membership, 'webhook', 1)
    const everyMs = settings.RELAY_LEASE_MS / 4
    const call = (signal: AbortSignal) => runLeased(leases, everyMs, (whole) => hook.run(whole), signal)
    void supervisor.tend('webhook', call, crawling.signal)
  }
  const roleMetrics = crawlerRoleMetrics(registry)

  return {
    notReady: () => member.notReady,
    restartCouldHelp: member.restartCouldHelp,
    refresh: () => {
      roleMetrics.backlog.set(backlog.bytes)
      if (raw !== undefined) updateProducer(context.metrics, 'raw', raw)
      updateProducer(context.metrics, 'control', control)
      member.updateMetrics()
    },
    stop: async () => {
      crawling.abort()
      await running
      if (raw !== undefined) await drained(raw, DRAIN_MS)
      await drained(control, DRAIN_MS)
      sending.abort()
      await crawler.saveAll()
      questions.close()
      broken.close()
      charges.close()
      wakeUps.close()
      renewing.abort()
      await hosts.release()
      await membership.leave()
    },
  }
}
