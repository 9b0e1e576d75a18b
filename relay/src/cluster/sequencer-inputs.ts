import { KafkaConsumer } from '@bgs/cluster/bus/kafka-consumer.ts'
import { lostFrom } from '@bgs/cluster/kafka/leader-epochs.ts'
import { NO_EPOCH } from '@bgs/cluster/kafka/led-partition.ts'
import { saveConsumed } from '@bgs/cluster/leases/consumed.ts'
import { offsetOf, positionOf } from '@bgs/contract/bus/position.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { decodeControlRecord } from '@bgs/contract/envelope/control-record.ts'
import { type VerifiedEnvelope, verifiedBytes } from '@bgs/contract/envelope/verified.ts'
import { decodeVerifiedRecord } from '@bgs/contract/envelope/verified-record.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { type InputPosition, InputPositions } from '@bgs/sequencer/input-positions.ts'
import type { ClusterContext } from './context.ts'
import { paceOf } from './pace.ts'
import { trimConsumed } from './trim-consumed.ts'

/** Envelopes fetched and not appended. */
const VERIFIED_BYTES = 16 * 1024 * 1024
const CONTROL_BYTES = 4 * 1024 * 1024
const CONTROL_MESSAGE_BYTES = 512
const SAVE_EVERY_MS = 1_000
const TRIM_EVERY_MS = 10_000

/** What the leading sequencer reads: all of `verified`, and `control`, from behind what the log holds. */
export class SequencerInputs {
  readonly verified: KafkaConsumer<VerifiedEnvelope>
  readonly control: KafkaConsumer<ControlMessage>
  readonly #context: ClusterContext
  readonly #fence: number
  readonly #stop = new AbortController()

  private constructor(context: ClusterContext, fence: number) {
    const { kafka, topic, generations, settings } = context
    this.#context = context
    this.#fence = fence
    this.verified = new KafkaConsumer({
      cluster: kafka,
      pauseMs: paceOf(settings).pauseMs,
      generation: generations.verified,
      topic: topic('verified'),
      decode: decodeVerifiedRecord,
      weigh: verifiedBytes,
      maxBytes: VERIFIED_BYTES,
    })
    this.control = new KafkaConsumer({
      cluster: kafka,
      // Orders are few, and somebody waits for what they do.
      pauseMs: 0,
      generation: generations.control,
      topic: topic('control'),
      decode: decodeControlRecord,
      weigh: () => CONTROL_MESSAGE_BYTES,
      maxBytes: CONTROL_BYTES,
    })
  }

  /**
   * Begins where each partition was taken up to, by the log's checkpoint; where nothing is known of it at its floor,
   * never at its end (invariant 9). `fence` is that of the lead. Throws where `signal` interrupts.
   */
  static async open(
    context: ClusterContext,
    checkpoint: Buffer | null,
    fence: number,
    signal: AbortSignal,
  ): Promise<SequencerInputs> {
    const from = InputPositions.decode(checkpoint, context.generations)
    const inputs = new SequencerInputs(context, fence)
    const count = context.settings.RELAY_RAW_PARTITIONS
    const numbers = Array.from({ length: count }, (_, i) => i)
    const starts = await startPositions(context, 'verified', numbers, from.verified, signal)
    for (const { number, next, epoch } of starts) inputs.verified.assign(number, next, epoch)
    const [control] = await startPositions(context, 'control', [0], [from.control], signal)
    inputs.control.assign(0, control?.next ?? 0, control?.epoch)
    return inputs
  }

  /** Fetches until `signal` is aborted; notes and trims what is consumed meanwhile. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#stop.signal])
    await Promise.all([this.verified.run(ended), this.control.run(ended), this.#keepHouse(ended)])
  }

  /** Hands out nothing more. */
  stop(): void {
    for (const number of this.verified.assigned) this.verified.unassign(number)
    this.control.unassign(0)
  }

  close(): void {
    this.#stop.abort()
  }

  async #keepHouse(signal: AbortSignal): Promise<void> {
    const { database, generations } = this.#context
    for (let trimmedMs = 0; !signal.aborted; await wait(SAVE_EVERY_MS, signal)) {
      const positions = this.verified.positions()
      const consumed = { topic: 'verified', generation: generations.verified, positions }
      await saveConsumed(database, consumed, this.#fence)
      if (performance.now() - trimmedMs < TRIM_EVERY_MS) continue
      trimmedMs = performance.now()
      await trimConsumed(this.#context, 'verified', positions)
      await trimConsumed(this.#context, 'control', this.control.positions())
    }
  }
}

/**
 * Where these partitions are read on. One that has lost its end is read from where it is another: what it holds there now
 * has not been taken, however far it has grown again.
 */
async function startPositions(
  { kafka, topic, logger }: ClusterContext,
  which: 'verified' | 'control',
  numbers: readonly number[],
  taken: readonly InputPosition[],
  signal: AbortSignal,
): Promise<({ readonly number: number } & InputPosition)[]> {
  const name = topic(which)
  const connections = kafka.connections()
  try {
    const floors = await kafka.offsets(name, numbers, 'floor', signal)
    const ends = await kafka.offsets(name, numbers, 'end', signal)
    const starts: ({ readonly number: number } & InputPosition)[] = []
    for (const number of numbers) {
      const floor = floors.get(number) ?? 0
      const { next, epoch } = taken[number] ?? { next: 0, epoch: NO_EPOCH }
      const offset = offsetOf(next)
      // The record of the last entry that was taken, whether or not others of it are left.
      const last = { offset: next === 0 ? -1 : offsetOf(next - 1), epoch }
      const lost = await lostFrom(kafka, connections, name, number, last, signal)
      // Where the epoch is known it tells for certain: this leader may not know yet how far the partition goes.
      const isBeyond = epoch === NO_EPOCH && offset > (ends.get(number) ?? 0)
      if (lost === undefined && offset >= floor && !isBeyond) {
        starts.push({ number, next, epoch })
        continue
      }
      // Trimmed beyond it, or made anew: what is there now is read, and what was taken of it is dropped as taken.
      if (next > 0)
        logger.error(
          { topic: name, partition: number, offset, floor, lostFrom: lost },
          lost === undefined
            ? 'the topic no longer has the next record to read: reading from its oldest record'
            : 'the topic has lost its last records: reading from the first offset that another record got',
        )
      starts.push({ number, next: positionOf(Math.max(floor, lost ?? floor), 0), epoch: NO_EPOCH })
    }
    return starts
  } finally {
    connections.close()
  }
}
