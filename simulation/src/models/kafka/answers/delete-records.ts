import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import { type Answer, type Asked, ledBy } from '../asked.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { untilTrue } from '../until-true.ts'
import { writeArray } from '../wire-arrays.ts'

const UP_TO_THE_END = -1

/** DeleteRecords 1: partitions begin later from now on; what stood before goes from the disk with its segment. */
export const deleteRecords: Answer = async (request, asked) => {
  const topics = request.array(() => {
    const topic = request.string() ?? ''
    return { topic, wanted: request.array(() => ({ index: request.int32(), before: request.int64() })) }
  })
  const timeoutMs = request.int32()
  const writer = new WireWriter().int32(asked.broker.mood.throttleMs).int32(topics.length)
  for (const { topic, wanted } of topics) {
    const outcomes = await Promise.all(
      wanted.map(({ index, before }) => remove(asked, topic, { index, before, timeoutMs })),
    )
    writeArray(writer.string(topic), outcomes, ({ index, start, error }) =>
      writer.int32(index).int64(start).int16(error),
    )
  }
  return [writer.bytes]
}

async function remove(
  asked: Asked,
  topic: string,
  { index, before, timeoutMs }: { index: number; before: number; timeoutMs: number },
) {
  const failed = (error: ErrorCode) => ({ index, start: -1, error })
  const led = ledBy(asked, topic, index, -1)
  if (typeof led === 'number') return failed(led)
  if (led.isStale) return failed(ERRORS.NOT_LEADER_OR_FOLLOWER)
  const { partition, epoch } = led.view
  const offset = before === UP_TO_THE_END ? led.highWatermark : before
  if (offset < 0 || offset > led.highWatermark) return failed(ERRORS.OFFSET_OUT_OF_RANGE)
  if (offset > partition.log.start) partition.log.trim(offset)
  // All replicas that are taken for alive have to have done so, too.
  const copies = partition.parts.replicas.map((id) => asked.cluster.broker(id))
  const isDone = () => copies.every(({ isRegistered, isAtWork }) => isAtWork || !isRegistered)
  if (!(await untilTrue(isDone, timeoutMs))) return failed(ERRORS.REQUEST_TIMED_OUT)
  return partition.epoch === epoch
    ? { index, start: partition.log.start, error: ERRORS.NONE }
    : failed(ERRORS.NOT_LEADER_OR_FOLLOWER)
}
