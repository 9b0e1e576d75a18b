import { KafkaConsumer } from '@bgs/cluster/bus/kafka-consumer.ts'
import { KafkaProducer } from '@bgs/cluster/bus/kafka-producer.ts'
import { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import { partitionOf } from '@bgs/contract/bus/partition.ts'
import { type RawEnvelope, rawBytes } from '@bgs/contract/envelope/raw.ts'
import { decodeRawRecord } from '@bgs/contract/envelope/raw-record.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { encodeVerifiedRecord } from '@bgs/contract/envelope/verified-record.ts'
import { USER_AGENT } from '@bgs/runtime/service/version.ts'
import { DirectoryReach } from '@bgs/verifier/identity/directory-reach.ts'
import { updateLags } from '../bus-metrics.ts'
import { keyInTopic } from '../cautious.ts'
import { drained } from '../drain.ts'
import { verifierRoleMetrics } from '../metrics.ts'
import { buildVerifier, verifierStageMetrics } from '../stages/verifier.ts'
import { topicBacklog } from './backlogs.ts'
import { brokenFrameChannel } from './broken-frames.ts'
import { chargeChannel } from './charges.ts'
import type { ClusterContext } from './context.ts'
import { paceOf } from './pace.ts'
import { RawShare } from './raw-share.ts'
import { RedisIdentities } from './redis-identities.ts'
import type { Role } from './role.ts'
import { RoleMember } from './role-member.ts'
import { updateProducer } from './role-metrics.ts'
import { noteUnwritable } from './unwritable.ts'

/** Frames fetched and not done; judged and on their way to Kafka. */
const RAW_BYTES = 8 * 1024 * 1024
const VERIFIED_BYTES = 8 * 1024 * 1024
const DRAIN_MS = 5_000
const TRIM_EVERY_MS = 10_000

/**
 * A verifier among others: leases partitions of `raw`, judges their frames, appends what passes to `verified`. A stop:
 * 1. nothing more is fetched or judged (`judging`); 2. what is on its way to Kafka is there, or 5 s are over; 3. partitions
 * are given up (`sharing`); 4. producer and membership end (`sending`), and it leaves; 5. its threads end.
 */
export async function startVerifier(context: ClusterContext): Promise<Role> {
  const { settings, supervisor, database, kafka, registry, logger, redis } = context
  const partitions = settings.RELAY_RAW_PARTITIONS
  const { metrics, backends } = verifierStageMetrics(registry)
  logger.info({ signatures: backends }, 'signatures are verified with these libraries')
  const directory = new DirectoryReach({
    plcUrl: settings.RELAY_PLC_URL,
    userAgent: USER_AGENT,
    isDoubted: () => identities.circuitOpen || membership.isProofWanted,
  })
  const member = new RoleMember(context, 'verifier', {
    topics: ['raw', 'verified'],
    unansweredMs: () => Math.max(raw.unansweredMs(), verified.unansweredMs()),
    others: [directory],
  })
  const { membership } = member

  const broken = brokenFrameChannel(context)
  const charges = chargeChannel(context)
  const raw = new KafkaConsumer<RawEnvelope>({
    cluster: kafka,
    topic: context.topic('raw'),
    generation: context.generations.raw,
    decode: decodeRawRecord,
    weigh: rawBytes,
    maxBytes: RAW_BYTES,
    pauseMs: paceOf(settings).pauseMs,
    onLost: (lost) => {
      logger.warn(
        { err: lost },
        'a partition of raw no longer has the next record to read: checking the leases again',
      )
      share.lose(lost)
    },
  })
  const backlog = topicBacklog(context, 'verified')
  const verified = new KafkaProducer<VerifiedEnvelope, BusEntry<RawEnvelope>>({
    cluster: kafka,
    topic: context.topic('verified'),
    partitions,
    encode: encodeVerifiedRecord,
    maxBytes: VERIFIED_BYTES,
    lingerMs: paceOf(settings).verifiedLingerMs,
    onSafe: (entry) => reading.done(entry),
    onUnwritable: (event, error) => noteUnwritable(context.rejections, logger, event, error),
    onAppended: backlog.noteAppended,
    full: backlog.full,
  })
  const { verifier, reading, identities, pool } = buildVerifier(context, {
    metrics,
    raw,
    keyOf: keyInTopic('raw', raw.generation, ({ isHeartbeat }) => isHeartbeat === true),
    verified,
    sharedIdentities: new RedisIdentities(redis, settings.RELAY_KAFKA_TOPIC_PREFIX),
    onBrokenFrame: (frame) => broken.send(frame),
    charge: (charge) => charges.send(charge),
  })
  const rawName = (partition: number) => `raw/${partition}`
  const share = new RawShare({
    context,
    leases: new PartitionLeases(database, membership, 'raw', partitions),
    raw,
    // What others learned meanwhile of the DIDs of a partition is not known here (invariant 13).
    onGained: (number) => {
      identities.cache.drop((did) => partitionOf(did, partitions) === number)
      return reading.begin(rawName(number), number)
    },
    onGivenUp: (numbers) => reading.ended(numbers.map(rawName)),
    everyMs: Math.min(1_000, settings.RELAY_LEASE_MS / 4),
    trimEveryMs: TRIM_EVERY_MS,
  })
  await membership.renew()
  await share.prepare()

  const judging = new AbortController()
  const sharing = new AbortController()
  const sending = new AbortController()
  const running = verifier.run(judging.signal)
  const shared = share.run(sharing.signal)
  supervisor.run('verifier', running)
  supervisor.run('share of raw', shared)
  supervisor.run('raw', raw.run(judging.signal))
  supervisor.run('verified', verified.run(sending.signal))
  supervisor.run('backlog of verified', backlog.run(sending.signal))
  supervisor.run('membership of the verifier', member.run(sending.signal))
  supervisor.run('reach of the directory', directory.run(sending.signal))
  const roleMetrics = verifierRoleMetrics(registry)

  return {
    notReady: () => member.notReady,
    restartCouldHelp: member.restartCouldHelp,
    refresh: () => {
      roleMetrics.lag.set(raw.lag())
      roleMetrics.partitions.set(raw.assigned.length)
      roleMetrics.backlog.set(backlog.bytes)
      identities.updateMetrics()
      updateLags(context.metrics.bus, { raw })
      updateProducer(context.metrics, 'verified', verified)
      member.updateMetrics()
    },
    noteFault: (isOwn) => reading.noteFault(isOwn),
    stop: async () => {
      judging.abort()
      await running
      await drained(verified, DRAIN_MS)
      sharing.abort()
      await shared
      await share.giveUp()
      sending.abort()
      await membership.leave()
      await pool.close()
    },
  }
}
