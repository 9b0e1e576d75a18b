import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import { type Answer, type Asked, ledBy } from '../asked.ts'
import { ERRORS } from '../errors.ts'
import { writeArray } from '../wire-arrays.ts'

/** OffsetForLeaderEpoch 3: up to where the records of an epoch go, by which a client sees what was lost (KIP-320). */
export const epochEnds: Answer = (request, asked) => {
  request.int32()
  const topics = request.array(() => {
    const topic = request.string() ?? ''
    return {
      topic,
      found: request.array(() => look(asked, topic, request.int32(), request.int32(), request.int32())),
    }
  })
  const writer = new WireWriter().int32(asked.broker.mood.throttleMs)
  writeArray(writer, topics, ({ topic, found }) =>
    writeArray(writer.string(topic), found, ({ index, error, epoch, offset }) =>
      writer.int16(error).int32(index).int32(epoch).int64(offset),
    ),
  )
  return [writer.bytes]
}

function look(asked: Asked, topic: string, index: number, current: number, wanted: number) {
  const led = ledBy(asked, topic, index, current)
  if (typeof led === 'number') return { index, error: led, epoch: -1, offset: -1 }
  return { index, error: ERRORS.NONE, ...led.view.partition.log.epochEnd(wanted) }
}
