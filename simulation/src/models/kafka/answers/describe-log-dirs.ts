import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import type { Answer } from '../asked.ts'
import { ERRORS } from '../errors.ts'
import { writeCompact } from '../wire-arrays.ts'

const FOLDER = '/data'

/** DescribeLogDirs 4: how large this broker's copies are, and its disk (KIP-827). */
export const describeLogDirs: Answer = (request, { cluster, broker }) => {
  const wanted = request.compactArray(() => {
    const topic = request.compactString() ?? ''
    const indexes = request.compactArray(() => request.int32())
    request.tags()
    return { topic, indexes }
  })
  const held = wanted.map(({ topic, indexes }) => ({
    topic,
    copies: indexes.flatMap((index) => {
      const partition = cluster.topics.get(topic)?.partitions[index]
      return partition?.parts.replicas.includes(broker.id) === true
        ? [{ index, bytes: partition.log.bytes }]
        : []
    }),
  }))
  const writer = new WireWriter().int32(broker.mood.throttleMs).int16(ERRORS.NONE).uvarint(2)
  writer.int16(ERRORS.NONE).compactString(FOLDER)
  const present = held.filter(({ copies }) => copies.length > 0)
  writeCompact(writer, present, ({ topic, copies }) => {
    writeCompact(writer.compactString(topic), copies, ({ index, bytes }) =>
      writer.int32(index).int64(bytes).int64(0).int8(0).uvarint(0),
    )
    writer.uvarint(0)
  })
  const usable = Math.max(0, cluster.capacityBytes - cluster.usedBytes(broker.id))
  return [writer.int64(cluster.capacityBytes).int64(usable).uvarint(0).uvarint(0).bytes]
}
