import type { ConnectionSet, KafkaCluster } from '../kafka/cluster.ts'
import { KafkaError } from '../kafka/kafka-error.ts'
import { lostFrom } from '../kafka/leader-epochs.ts'
import { NO_EPOCH } from '../kafka/led-partition.ts'
import type { WireRecord } from '../kafka/record-batch.ts'
import type { ReadPartition } from './read-partition.ts'

/** A partition no longer holds what is to be read next: it was trimmed or made anew by somebody else. */
export class LostRecordsError extends Error {
  override name = 'LostRecordsError'
  readonly code = 'lost-records'
  readonly partition: number
  /** What was read is gone, and its offsets are given to others. */
  readonly hasLostEnd: boolean

  /** `lostFrom`: offset from which on what was read is no longer there. */
  constructor(
    topic: string,
    partition: number,
    wanted: number,
    floor: number,
    end: number,
    lostFrom?: number,
  ) {
    super(
      lostFrom !== undefined
        ? `${topic}/${partition} was read up to ${wanted - 1}, and has lost its end from ${lostFrom} on`
        : `${topic}/${partition}: offset ${wanted} is to be read next, but the partition holds ${floor} to ${end - 1}: ` +
            `it was trimmed or made anew by somebody else`,
    )
    this.partition = partition
    this.hasLostEnd = lostFrom !== undefined
  }
}

/** A topic, and the connections over which its leaders are asked. */
export interface AskedTopic {
  readonly cluster: KafkaCluster
  readonly topic: string
  readonly connections: ConnectionSet
}

/** What the word of a broker comes to that it does not hold an offset; it may have become the leader just now. */
export async function outOfRange(
  { cluster, topic, connections }: AskedTopic,
  { number, next, epoch }: ReadPartition,
  signal: AbortSignal,
): Promise<Error> {
  const floor = (await cluster.offsets(topic, [number], 'floor', signal)).get(number) ?? 0
  const end = (await cluster.offsets(topic, [number], 'end', signal)).get(number) ?? 0
  if (next < floor || next > end) {
    const from = await lostFrom(cluster, connections, topic, number, { offset: next - 1, epoch }, signal)
    // Where the epoch is known it tells for certain: this leader may not know yet how far the partition goes.
    if (next < floor || epoch === NO_EPOCH || from !== undefined)
      return new LostRecordsError(topic, number, next, floor, end, from)
  }
  return new KafkaError('OFFSET_OUT_OF_RANGE', `${topic}/${number}: ${next} is not there yet`)
}

/**
 * Whether what was read last is gone, and what comes now stands at offsets that were given to others: only a new leader
 * can have lost something, so it is asked only where another epoch follows.
 */
export async function lostBefore(
  { cluster, topic, connections }: AskedTopic,
  { number, next, epoch }: ReadPartition,
  first: WireRecord | undefined,
  end: number,
  signal: AbortSignal,
): Promise<LostRecordsError | undefined> {
  if (first === undefined || epoch === NO_EPOCH || first.epoch === epoch) return undefined
  const upTo = { offset: next - 1, epoch }
  const from = await lostFrom(cluster, connections, topic, number, upTo, signal)
  return from === undefined ? undefined : new LostRecordsError(topic, number, next, 0, end, from)
}
