import { InputPositions } from '@bgs/sequencer/input-positions.ts'
import { KafkaConsumer } from '@bgs/shared/bus/kafka-consumer.ts'
import { offsetOf, positionOf } from '@bgs/shared/bus/position.ts'
import { saveConsumed } from '@bgs/shared/cluster/consumed.ts'
import type { ControlMessage } from '@bgs/shared/envelope/control.ts'
import { decodeControlRecord } from '@bgs/shared/envelope/control-record.ts'
import { type VerifiedEnvelope, verifiedBytes } from '@bgs/shared/envelope/verified.ts'
import { decodeVerifiedRecord } from '@bgs/shared/envelope/verified-record.ts'
import { wait } from '@bgs/shared/service/wait.ts'
import type { ClusterContext } from './context.ts'
import { trimConsumed } from './trim-consumed.ts'

/** Envelopes fetched and not appended. */
const VERIFIED_BYTES = 32 * 1024 * 1024
const CONTROL_BYTES = 4 * 1024 * 1024
const CONTROL_MESSAGE_BYTES = 512
const FETCH_PAUSE_MS = 20
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
    const { kafka, topic, generations } = context
    this.#context = context
    this.#fence = fence
    const options = { cluster: kafka, pauseMs: FETCH_PAUSE_MS }
    this.verified = new KafkaConsumer({
      ...options,
      generation: generations.verified,
      topic: topic('verified'),
      decode: decodeVerifiedRecord,
      weigh: verifiedBytes,
      maxBytes: VERIFIED_BYTES,
    })
    this.control = new KafkaConsumer({
      ...options,
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
    for (const [number, position] of starts) inputs.verified.assign(number, position)
    const [[, control = 0] = []] = await startPositions(context, 'control', [0], [from.control], signal)
    inputs.control.assign(0, control)
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

async function startPositions(
  { kafka, topic, logger }: ClusterContext,
  which: 'verified' | 'control',
  numbers: readonly number[],
  taken: readonly number[],
  signal: AbortSignal,
): Promise<[number, number][]> {
  const floors = await kafka.offsets(topic(which), numbers, 'floor', signal)
  const ends = await kafka.offsets(topic(which), numbers, 'end', signal)
  return numbers.map((number) => {
    const floor = floors.get(number) ?? 0
    const position = taken[number] ?? 0
    const offset = offsetOf(position)
    if (offset >= floor && offset <= (ends.get(number) ?? 0)) return [number, position]
    // Trimmed beyond it, or made anew: what is there now is read, and what was taken of it is dropped as taken.
    if (position > 0)
      logger.warn(
        { topic: topic(which), partition: number, offset, floor },
        'the topic does not hold what was to be read next',
      )
    return [number, positionOf(floor, 0)]
  })
}
