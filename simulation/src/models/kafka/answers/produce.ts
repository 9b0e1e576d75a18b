import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import { type Answer, type Asked, ledBy } from '../asked.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { checkBatch } from '../stored-batch.ts'
import { writeArray } from '../wire-arrays.ts'

const NO_ACKS = 0
const ALL_REPLICAS = -1

interface Outcome {
  readonly index: number
  readonly error: ErrorCode
  /** -1 with an error. */
  readonly base: number
  readonly start: number
}

interface Produce {
  readonly acks: number
  readonly timeoutMs: number
}

/** Produce 7: one batch for each partition, each appended whole or not at all. */
export const produce: Answer = async (request, asked) => {
  request.string()
  const acks = request.int16()
  const how = { acks, timeoutMs: request.int32() }
  // All are appended before any is waited for.
  const topics = request.array(() => {
    const topic = request.string() ?? ''
    const appended = request.array(() => append(asked, how, topic, request.int32(), request.bytes()))
    return { topic, appended }
  })
  const { mood } = asked.broker
  if (mood.lostAnswers > 0) {
    mood.lostAnswers--
    asked.cut()
  }
  if (acks === NO_ACKS || !asked.isOpen()) return undefined
  const writer = new WireWriter().int32(topics.length)
  for (const { topic, appended } of topics) {
    const outcomes = await Promise.all(appended)
    writeArray(writer.string(topic), outcomes, ({ index, error, base, start }) =>
      writer.int32(index).int16(error).int64(base).int64(-1).int64(start),
    )
  }
  return [writer.int32(mood.throttleMs).bytes]
}

async function append(
  asked: Asked,
  { acks, timeoutMs }: Produce,
  topic: string,
  index: number,
  batch: Buffer,
): Promise<Outcome> {
  const refused = (error: ErrorCode): Outcome => ({ index, error, base: -1, start: -1 })
  const led = ledBy(asked, topic, index, -1)
  if (typeof led === 'number') return refused(led)
  const { cluster, broker } = asked
  if (led.isStale) {
    // It writes, but those that are in sync no longer follow it; what it wrote is cut off when it hears of that.
    await Promise.race([broker.ready(true), new Promise((resolve) => setTimeout(resolve, timeoutMs))])
    return refused(broker.frozen === undefined ? ERRORS.NOT_LEADER_OR_FOLLOWER : ERRORS.REQUEST_TIMED_OUT)
  }
  const { partition, epoch } = led.view
  const wrong = checkBatch(batch, partition.parts.settings.maxMessageBytes)
  if (wrong !== ERRORS.NONE) return refused(wrong)
  if (acks === ALL_REPLICAS && partition.isShort) return refused(ERRORS.NOT_ENOUGH_REPLICAS)
  if (cluster.usedBytes(broker.id) + batch.length > cluster.capacityBytes)
    return refused(ERRORS.KAFKA_STORAGE_ERROR)
  const base = partition.append(batch)
  if (acks === ALL_REPLICAS) {
    const error = await partition.committed(partition.log.end, epoch, timeoutMs)
    if (error !== ERRORS.NONE) return refused(error)
  }
  return { index, error: ERRORS.NONE, base, start: partition.log.start }
}
