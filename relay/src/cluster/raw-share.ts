import type { KafkaConsumer } from '@bgs/shared/bus/kafka-consumer.ts'
import { offsetOf, positionOf } from '@bgs/shared/bus/position.ts'
import type { LeasedPartition, PartitionLeases } from '@bgs/shared/cluster/partition-leases.ts'
import type { RawEnvelope } from '@bgs/shared/envelope/raw.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import type { ClusterContext } from './context.ts'
import { trimConsumed } from './trim-consumed.ts'

const TRIM_EVERY_MS = 10_000

export interface RawShareParts {
  readonly context: ClusterContext
  readonly leases: PartitionLeases
  readonly raw: KafkaConsumer<RawEnvelope>
  /** A partition was gained: others may have judged its DIDs meanwhile. */
  readonly onGained: (partition: number) => void
  readonly everyMs: number
}

/**
 * The partitions of `raw` that one verifier reads: follows the leases, saves up to where each is consumed, and trims
 * what is consumed. A verifier that was paused and wakes may repeat what another has done meanwhile, and no more.
 */
export class RawShare {
  readonly #parts: RawShareParts
  readonly #held = new Map<number, LeasedPartition>()
  #trimmedMs = 0

  constructor(parts: RawShareParts) {
    this.#parts = parts
  }

  prepare(): Promise<void> {
    return this.#parts.leases.prepare()
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look()
      await this.save()
      await this.#trim()
      await wait(this.#parts.everyMs, signal)
    }
  }

  /** Saves the positions of what is held. */
  async save(): Promise<void> {
    const { raw, leases, context } = this.#parts
    const positions = raw.positions()
    const moved: LeasedPartition[] = []
    for (const [number, lease] of this.#held) {
      const position = positions.get(number) ?? lease.position
      if (position === lease.position && lease.generation === context.rawGeneration) continue
      const now = { ...lease, position, generation: context.rawGeneration }
      this.#held.set(number, now)
      moved.push(now)
    }
    await leases.save(moved)
  }

  /** Lets go of everything, for others to take. */
  async giveUp(): Promise<void> {
    await this.save()
    const numbers = [...this.#held.keys()]
    for (const number of numbers) this.#parts.raw.unassign(number)
    this.#held.clear()
    await this.#parts.leases.release(numbers)
  }

  async #look(): Promise<void> {
    const { leases, raw, context, onGained } = this.#parts
    const mine = await leases.look()
    const fences = new Map(mine.map(({ number, fence }) => [number, fence]))
    const lost = [...this.#held.values()].filter(({ number, fence }) => fences.get(number) !== fence)
    for (const { number } of lost) {
      raw.unassign(number)
      this.#held.delete(number)
    }
    const gained = mine.filter(({ number }) => !this.#held.has(number))
    for (const lease of gained) {
      const position = await this.#startOf(lease)
      onGained(lease.number)
      this.#held.set(lease.number, { ...lease, position })
      raw.assign(lease.number, position)
    }
    if (gained.length + lost.length > 0)
      context.logger.info(
        { gained: gained.length, lost: lost.length, partitions: this.#held.size },
        'the share of raw has changed',
      )
  }

  /** Where a partition is read on: at what was saved of this generation of the topic, or from its beginning. */
  async #startOf({ number, generation, position }: LeasedPartition): Promise<number> {
    const { kafka, topic, supervisor, rawGeneration, logger } = this.#parts.context
    const floors = await kafka.offsets(topic('raw'), [number], 'floor', supervisor.signal)
    const floor = positionOf(floors.get(number) ?? 0, 0)
    if (generation !== rawGeneration || position >= floor)
      return generation === rawGeneration ? position : floor
    logger.error(
      { partition: number, position: offsetOf(position), floor: offsetOf(floor) },
      'raw was trimmed above what is consumed',
    )
    return floor
  }

  async #trim(): Promise<void> {
    if (performance.now() - this.#trimmedMs < TRIM_EVERY_MS) return
    this.#trimmedMs = performance.now()
    const positions = [...this.#held.values()].map(({ number, position }) => [number, position] as const)
    await trimConsumed(this.#parts.context, 'raw', new Map(positions))
  }
}
