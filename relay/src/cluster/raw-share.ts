import type { KafkaConsumer } from '@bgs/cluster/bus/kafka-consumer.ts'
import type { LostRecordsError } from '@bgs/cluster/bus/lost-records.ts'
import { type ConnectionSet, TopicRemadeError } from '@bgs/cluster/kafka/cluster.ts'
import { lostFrom } from '@bgs/cluster/kafka/leader-epochs.ts'
import { NO_EPOCH } from '@bgs/cluster/kafka/led-partition.ts'
import { readConsumed } from '@bgs/cluster/leases/consumed.ts'
import type { LeasedPartition, PartitionLeases } from '@bgs/cluster/leases/partition-leases.ts'
import { raiseTopicGeneration } from '@bgs/cluster/leases/topic-generation.ts'
import { offsetOf, positionOf } from '@bgs/contract/bus/position.ts'
import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { ClusterContext } from './context.ts'
import { trimConsumed } from './trim-consumed.ts'

export interface RawShareParts {
  readonly context: ClusterContext
  readonly leases: PartitionLeases
  readonly raw: KafkaConsumer<RawEnvelope>
  /** A partition was gained, and is about to be read: others may have judged its DIDs meanwhile. */
  readonly onGained: (partition: number) => Promise<void>
  /** Partitions were given up as it should be, to others. */
  readonly onGivenUp: (partitions: readonly number[]) => Promise<void>
  readonly everyMs: number
  /** How often consumed records are removed. */
  readonly trimEveryMs: number
}

/**
 * The partitions of `raw` that one verifier reads: follows the leases, saves up to where each is consumed, and trims
 * what is consumed. A verifier that was paused and wakes may repeat what another has done meanwhile, and no more.
 */
export class RawShare {
  readonly #parts: RawShareParts
  readonly #owned = new Map<number, LeasedPartition>()
  /** Partitions that have lost what was read of them. */
  readonly #lostEnds = new Set<number>()
  readonly #connections: ConnectionSet
  #trimmedMs = 0

  constructor(parts: RawShareParts) {
    this.#parts = parts
    this.#connections = parts.context.kafka.connections()
  }

  prepare(): Promise<void> {
    return this.#parts.leases.prepare()
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.turn()
      await wait(this.#parts.everyMs, signal)
    }
  }

  /** One look at the leases, with what follows from it. */
  async turn(): Promise<void> {
    await this.#look()
    await this.save()
    await this.#trim()
  }

  /**
   * A partition no longer holds what is to be read next. Whoever has it has gone on and trimmed it while this process
   * was paused; or it is this one's still, and the next look takes it up again; or it has lost its end.
   */
  lose({ partition, hasLostEnd }: Pick<LostRecordsError, 'partition' | 'hasLostEnd'>): void {
    this.#owned.delete(partition)
    if (hasLostEnd) this.#lostEnds.add(partition)
  }

  /** Saves the positions of what is owned. */
  async save(): Promise<void> {
    const { raw, leases, context } = this.#parts
    const positions = raw.positions()
    const epochs = raw.epochs()
    const moved: LeasedPartition[] = []
    for (const [number, lease] of this.#owned) {
      const position = positions.get(number) ?? lease.position
      const generation = context.generations.raw
      if (position === lease.position && lease.generation === generation) continue
      const now = { ...lease, position, generation, leaderEpoch: epochs.get(number) ?? lease.leaderEpoch }
      this.#owned.set(number, now)
      moved.push(now)
    }
    await leases.save(moved)
  }

  /** Lets go of everything, for others to take. */
  async giveUp(): Promise<void> {
    await this.save()
    const numbers = [...this.#owned.keys()]
    for (const number of numbers) this.#parts.raw.unassign(number)
    this.#owned.clear()
    this.#connections.close()
    await this.#parts.onGivenUp(numbers)
    await this.#parts.leases.release(numbers)
  }

  async #look(): Promise<void> {
    const { leases, raw, context, onGained, onGivenUp } = this.#parts
    const mine = await leases.look()
    const fences = new Map(mine.map(({ number, fence }) => [number, fence]))
    const lost = [...this.#owned.values()].filter(({ number, fence }) => fences.get(number) !== fence)
    for (const { number } of lost) {
      raw.unassign(number)
      this.#owned.delete(number)
    }
    await onGivenUp(lost.map(({ number }) => number))
    const gained = mine.filter(({ number }) => !this.#owned.has(number))
    for (const lease of gained) {
      const [position, leaderEpoch] = await this.#startOf(lease)
      await onGained(lease.number)
      this.#owned.set(lease.number, { ...lease, position, leaderEpoch })
      raw.assign(lease.number, position, leaderEpoch)
    }
    const { changes } = context.metrics.leases
    changes.inc({ lease: 'raw', change: 'gained' }, gained.length)
    changes.inc({ lease: 'raw', change: 'lost' }, lost.length)
    if (gained.length + lost.length > 0)
      context.logger.info(
        { gained: gained.length, lost: lost.length, partitions: this.#owned.size },
        'this verifier now has other partitions of raw',
      )
  }

  /**
   * Where a partition is read on, and the epoch before that: at what was saved of this generation of the topic, or from its
   * beginning. Throws
   * TopicRemadeError where this process must not judge it under the generation that it knows: offsets of that one would
   * be taken for repeats of others (invariant 2).
   */
  async #startOf({ number, generation, position, leaderEpoch }: LeasedPartition): Promise<[number, number]> {
    const { kafka, topic, supervisor, generations, database, logger } = this.#parts.context
    if (generation > generations.raw) throw new TopicRemadeError(topic('raw'))
    kafka.noteEpoch(topic('raw'), number, leaderEpoch)
    const offsets = (which: 'floor' | 'end') =>
      kafka.offsets(topic('raw'), [number], which, supervisor.signal)
    const floor = (await offsets('floor')).get(number) ?? 0
    if (generation < generations.raw) return [positionOf(floor, 0), NO_EPOCH]
    const end = (await offsets('end')).get(number) ?? 0
    const upTo = { offset: offsetOf(position) - 1, epoch: leaderEpoch }
    const lost = await lostFrom(kafka, this.#connections, topic('raw'), number, upTo, supervisor.signal)
    const fields = { partition: number, position: offsetOf(position), floor, end, lostFrom: lost }
    // A new leader may not know yet, or a former one not any more, how far the partition goes: epochs tell for certain.
    const isBeyond = leaderEpoch === NO_EPOCH && offsetOf(position) > end
    if (isBeyond || lost !== undefined || this.#lostEnds.has(number)) {
      logger.error(
        fields,
        'raw has lost its last records, and others get their offsets: its generation is raised',
      )
      await raiseTopicGeneration(database, 'raw', generations.raw)
      throw new TopicRemadeError(topic('raw'))
    }
    if (offsetOf(position) >= floor) return [position, leaderEpoch]
    logger.error(fields, 'raw no longer has the next record to read: reading from its oldest record')
    return [positionOf(floor, 0), NO_EPOCH]
  }

  /** By what the database says is consumed, not by what this process believes: the partition may be another's by now. */
  async #trim(): Promise<void> {
    if (performance.now() - this.#trimmedMs < this.#parts.trimEveryMs) return
    this.#trimmedMs = performance.now()
    const { context } = this.#parts
    const consumed = await readConsumed(context.database, 'raw', context.generations.raw)
    const owned = [...consumed].filter(([number]) => this.#owned.has(number))
    await trimConsumed(context, 'raw', new Map(owned))
  }
}
