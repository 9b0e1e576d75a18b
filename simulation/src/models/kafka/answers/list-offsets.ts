import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import { type Answer, type Asked, ledBy } from '../asked.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { writeArray } from '../wire-arrays.ts'

const EARLIEST = -2
const LATEST = -1

/** ListOffsets 5: where partitions begin and end. By time nothing is looked up. */
export const listOffsets: Answer = (request, asked) => {
  request.int32()
  request.int8()
  const topics = request.array(() => {
    const topic = request.string() ?? ''
    return {
      topic,
      found: request.array(() => look(asked, topic, request.int32(), request.int32(), request.int64())),
    }
  })
  const writer = new WireWriter().int32(asked.broker.mood.throttleMs)
  writeArray(writer, topics, ({ topic, found }) =>
    writeArray(writer.string(topic), found, ({ index, error, offset, epoch }) =>
      writer.int32(index).int16(error).int64(-1).int64(offset).int32(epoch),
    ),
  )
  return [writer.bytes]
}

function look(asked: Asked, topic: string, index: number, epoch: number, time: number) {
  const failed = (error: ErrorCode) => ({ index, error, offset: -1, epoch: -1 })
  const led = ledBy(asked, topic, index, epoch)
  if (typeof led === 'number') return failed(led)
  const { partition, epoch: own } = led.view
  if (time === EARLIEST) return { index, error: ERRORS.NONE, offset: partition.log.start, epoch: own }
  if (time !== LATEST) return failed(ERRORS.INVALID_REQUEST)
  if (!led.isStale && partition.isEndUnknown) return failed(ERRORS.OFFSET_NOT_AVAILABLE)
  return { index, error: ERRORS.NONE, offset: led.highWatermark, epoch: own }
}
