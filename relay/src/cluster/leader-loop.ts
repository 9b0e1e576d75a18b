import { TopicRemadeError } from '@bgs/cluster/kafka/cluster.ts'
import type { PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { KafkaLog } from '@bgs/cluster/log/kafka-log.ts'
import { StartupError } from '@bgs/contract/startup-error.ts'
import { errorText } from '@bgs/runtime/service/error-text.ts'
import { stalledText } from '@bgs/runtime/service/heartbeat.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { sendHeartbeats } from '@bgs/sequencer/heartbeat.ts'
import type { SequencerMetrics } from '@bgs/sequencer/metrics.ts'
import { checkNoGap } from '@bgs/sequencer/replay-log.ts'
import type { Sequencer, StatusQuestion } from '@bgs/sequencer/sequencer.ts'
import { adoptLog, seenOfLog } from '@bgs/sequencer/view.ts'
import { updateLags } from '../bus-metrics.ts'
import { keyInTopic, readCautiously } from '../cautious.ts'
import { updateHeartbeat } from '../heartbeat-metrics.ts'
import { isOwnFault } from '../own-fault.ts'
import { buildHousekeeping, buildSequencer, openState } from '../stages/sequencer.ts'
import type { ClusterContext } from './context.ts'
import { controlProducer } from './control-producer.ts'
import type { QuestionChannel } from './questions.ts'
import type { RoleMember } from './role-member.ts'
import { sequencedRetention } from './sequenced-retention.ts'
import { SequencerInputs } from './sequencer-inputs.ts'

/** After losing the lead a process stands back for up to so long, so that two do not take turns. */
const STAND_BACK_MS = 2_000
const DRAIN_MS = 10_000
/** And so long for its last record: without it seqs are left out, and no more. */
const END_MS = 2_000
/** The end of a lead waits so long for the database to note that it was a good one. */
const NOTE_MS = 1_000
const NO_HEARTBEAT = { raw: undefined, control: undefined, log: undefined, view: undefined }

/** The lease is another's. */
class LeadLostError extends Error {}

/** Notes how a lead ended, where the database answers in time. */
async function note(act: () => Promise<unknown>): Promise<void> {
  await Promise.race([act().catch(() => undefined), wait(NOTE_MS)])
}

interface LeaderLoopParts {
  readonly context: ClusterContext
  readonly leases: PartitionLeases
  readonly member: RoleMember
  readonly metrics: SequencerMetrics
  readonly questions: QuestionChannel
}

/**
 * Waits for the lead, leads, and stands back when it is lost. An asked stop of a lead: 1. fetching, heartbeats and
 * housekeeping end, and the lease is looked at no longer (`ended`); 2. what came is appended (`ordering`), or 10 s are over;
 * 3. the log's last record is written, or 2 s are over; 4. the database notes that the lead ended well, or 1 s is over;
 * 5. the producer of control ends (`saying`); 6. the log is closed.
 */
export class LeaderLoop {
  /** Why the last lead ended, until the next one or another's. */
  trouble: string | undefined
  readonly #parts: LeaderLoopParts
  #leading:
    | { readonly sequencer: Sequencer; readonly inputs: SequencerInputs; readonly log: KafkaLog }
    | undefined

  constructor(parts: LeaderLoopParts) {
    this.#parts = parts
  }

  /** Brings the gauges of who leads up to date; a process that stands by has no heartbeat of its own to show. */
  updateMetrics(): void {
    const { heartbeat, bus } = this.#parts.context.metrics
    const { sequencer, inputs } = this.#leading ?? {}
    updateHeartbeat(heartbeat, sequencer?.heartbeatAges ?? NO_HEARTBEAT)
    sequencer?.updateMetrics()
    if (inputs !== undefined) updateLags(bus, { verified: inputs.verified, control: inputs.control })
  }

  /** For how long the oldest request of a lead at Kafka has had no answer. */
  get unansweredMs(): number {
    if (this.#leading === undefined) return 0
    const { inputs, log } = this.#leading
    return Math.max(log.unansweredMs(), inputs.verified.unansweredMs(), inputs.control.unansweredMs())
  }

  /** Which stages nothing gets through while this process leads. */
  get stalled(): string | undefined {
    return this.#leading && stalledText(this.#leading.sequencer.heartbeatAges)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, leases } = this.#parts
    const everyMs = context.settings.RELAY_LEASE_MS / 4
    for (let isStandbyLogged = false; !signal.aborted; ) {
      const [lease] = await leases.look()
      if (lease === undefined) {
        if (!isStandbyLogged) context.logger.info('another sequencer leads: standing by')
        isStandbyLogged = true
        this.trouble = undefined
        await wait(everyMs, signal)
        continue
      }
      isStandbyLogged = false
      try {
        await this.#lead(lease.fence, signal)
      } catch (error) {
        if (signal.aborted) return
        // Another attempt, or another process, would find the same.
        if (error instanceof StartupError || error instanceof TopicRemadeError) throw error
        this.trouble = `the lead was lost: ${errorText(error)}`
        context.logger.warn(
          { err: error, generation: lease.fence },
          'this sequencer no longer leads: standing by, no event is lost',
        )
        await leases.release([0])
        await wait(Math.random() * STAND_BACK_MS, signal)
      }
    }
  }

  /** Leads until `signal` is aborted, or the lease is another's; throws when order could no longer be kept. */
  async #lead(generation: number, signal: AbortSignal): Promise<void> {
    const lost = new AbortController()
    // From the first: an opening that waits for Kafka must not go on under a lease that is another's by then.
    const leading = this.#holdLead(generation, AbortSignal.any([signal, lost.signal]))
    let why: unknown
    leading.catch((error: unknown) => {
      why = error
      lost.abort()
    })
    try {
      await this.#order(generation, signal, lost, leading)
    } catch (error) {
      throw why ?? error
    } finally {
      lost.abort()
      await Promise.allSettled([leading])
    }
  }

  /** Opens the log and orders events; aborts `lost` when it ends, and ends when `leading` does or `lost` is aborted. */
  async #order(
    generation: number,
    signal: AbortSignal,
    lost: AbortController,
    leading: Promise<void>,
  ): Promise<void> {
    const { context, metrics, questions } = this.#parts
    const { database, kafka, settings, logger, supervisor } = context
    const { changes } = context.metrics.leases
    // Until the log is open a stop interrupts; from then on what is under way is finished first.
    const interrupted = () => lost.abort()
    signal.addEventListener('abort', interrupted)
    signal.throwIfAborted()
    const ended = AbortSignal.any([signal, lost.signal])
    const seen = await seenOfLog(database)
    const log = await KafkaLog.open({
      cluster: kafka,
      topic: context.topic('sequenced'),
      generation,
      seen,
      onFound: async ({ logId, base, bounds, gap }) => {
        if (gap > 0)
          logger.info(
            { gap, next: bounds.next },
            'the last leader did not end cleanly: some seqs are left out',
          )
        checkNoGap(bounds, seen.position)
        await adoptLog(database, generation, logId, base)
      },
      retentionMs: settings.RELAY_RETENTION_HOURS * 3_600_000,
      retentionBytes: await sequencedRetention(context),
      signal: lost.signal,
    }).finally(() => signal.removeEventListener('abort', interrupted))
    try {
      const { position } = await seenOfLog(database)
      const { state, view, replayed } = await openState(context, log, position, ended)
      const inputs = await SequencerInputs.open(context, log.checkpoint, generation, ended)
      const reading = { database, rejections: context.rejections, rejected: metrics.rejected, logger }
      const verified = readCautiously(inputs.verified, {
        ...reading,
        keyOf: keyInTopic('verified', inputs.verified.generation, ({ isHeartbeat }) => isHeartbeat === true),
        describe: ({ host, did, hostSeq: seq, isHeartbeat }) =>
          isHeartbeat === true ? undefined : { host, did, seq },
      })
      const orders = readCautiously(inputs.control, {
        ...reading,
        keyOf: keyInTopic('control', inputs.control.generation, ({ kind }) => kind === 'heartbeat'),
        describe: () => undefined,
      })
      await verified.begin('verified')
      await orders.begin('control')
      const ask = (question: StatusQuestion) => questions.send(question)
      const sequencer = buildSequencer(context, { verified, control: orders, log, state, view, metrics, ask })
      const { next, first } = log.bounds()
      logger.info({ generation, head: next - 1, oldest: first, replayed }, 'this sequencer leads')
      metrics.leader.set(1)
      changes.inc({ lease: 'sequenced', change: 'gained' })
      this.#leading = { sequencer, inputs, log }
      this.trouble = undefined
      const ordering = new AbortController()
      const ordered = sequencer.run(ordering.signal)
      const fetched = inputs.run(ended)
      const beating = new AbortController()
      const control = controlProducer(context)
      const { stats, releaser, rechecker } = buildHousekeeping(context, { control, metrics, ask })
      const tended = Promise.all([
        control.run(beating.signal),
        sendHeartbeats(control, ended),
        ...Object.entries({
          'host census': stats,
          releaser,
          'status sweep': rechecker,
        }).map(([name, task]) => supervisor.tend(name, (signal) => task.run(signal), ended)),
      ])
      try {
        // Whichever ends first: an asked stop, a lost lease, or a fault of one of them.
        await Promise.race([ordered, leading, fetched, tended])
        inputs.stop()
        ordering.abort()
        const isDone = ordered.then(() => true)
        // All that came is appended: whoever leads next goes on right behind it.
        if (await Promise.race([isDone, wait(DRAIN_MS)]))
          await Promise.race([log.end().catch(() => undefined), wait(END_MS)])
        await note(() => Promise.all([verified.ended(['verified']), orders.ended(['control'])]))
      } catch (error) {
        // A lead that is lost over Kafka, the database or the lease is no event's fault, however often that is.
        const isOwn = isOwnFault(error)
        await note(async () => {
          await Promise.all([verified.noteFault(isOwn), orders.noteFault(isOwn)])
          if (!isOwn) await Promise.all([verified.ended(['verified']), orders.ended(['control'])])
        })
        throw error
      } finally {
        ordering.abort()
        lost.abort()
        inputs.close()
        beating.abort()
        await Promise.allSettled([fetched, tended])
        ordered.catch(() => undefined)
      }
    } finally {
      if (this.#leading !== undefined) changes.inc({ lease: 'sequenced', change: 'lost' })
      this.#leading = undefined
      metrics.leader.set(0)
      lost.abort()
      await log.close()
    }
  }

  /** Resolves when the lease is no longer this process's, or `signal` is aborted. */
  async #holdLead(generation: number, signal: AbortSignal): Promise<void> {
    const { context, leases, member } = this.#parts
    const { membership } = member
    while (!signal.aborted) {
      await wait(context.settings.RELAY_LEASE_MS / 4, signal)
      // While the database is away nobody can take the lead either, and the log itself lets only one write.
      if (!membership.isLive || signal.aborted) continue
      const [lease] = await leases.look()
      if (lease?.fence !== generation && membership.isLive)
        throw new LeadLostError(member.standstill ?? 'another sequencer has taken the lead')
    }
  }
}
