import type { WireReader } from '@bgs/cluster/kafka/wire-reader.ts'
import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import type { Answer, Asked } from '../asked.ts'
import type { PartitionView, TopicView } from '../cluster-view.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { readNullable, writeArray, writeCompact, writeId } from '../wire-arrays.ts'

const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const NO_ID = '0'.repeat(32)
/** What the client may do was not asked. */
const NO_OPERATIONS = -(2 ** 31)

interface Told {
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[]
  readonly controller: number
  readonly topics: readonly { readonly name: string; readonly view: TopicView | undefined }[]
}

/** Metadata 10, and 6 for kafkajs: who is there and who leads what, as far as this broker knows. Makes no topics. */
export const metadata: Answer = (request, asked, version) => {
  const isFlexible = version >= 9
  const names = isFlexible ? readNames(request) : readNullable(request, () => request.string() ?? '')
  const told = tell(asked, names)
  const writer = new WireWriter().int32(asked.broker.mood.throttleMs)
  if (isFlexible) writeFlexible(writer, told)
  else writeOld(writer, told)
  return [writer.bytes]
}

function readNames(request: WireReader): string[] | undefined {
  const count = request.uvarint() - 1
  const read = () => {
    const name = request.skip(16).compactString() ?? ''
    request.tags()
    return name
  }
  return count < 0 ? undefined : Array.from({ length: count }, read)
}

function tell({ cluster, broker, way }: Asked, names: readonly string[] | undefined): Told {
  const view = broker.frozen ?? cluster.view()
  const brokers = view.brokers.map((id) => {
    const known = cluster.broker(id)
    return { id, host: known.host, port: known.advertised(way) }
  })
  // Any broker hands on to the controller what is for it, so that any is named.
  const controller = brokers[Math.floor(cluster.chance() * brokers.length)]?.id ?? -1
  const topics = (names ?? [...view.topics.keys()]).map((name) => ({ name, view: view.topics.get(name) }))
  return { brokers, controller, topics }
}

function errorOf(view: TopicView | undefined): ErrorCode {
  return view === undefined ? ERRORS.UNKNOWN_TOPIC_OR_PARTITION : ERRORS.NONE
}

function leaderError({ leader }: PartitionView): ErrorCode {
  return leader < 0 ? ERRORS.LEADER_NOT_AVAILABLE : ERRORS.NONE
}

function writeFlexible(into: WireWriter, { brokers, controller, topics }: Told): void {
  const ids = (list: readonly number[]) => writeCompact(into, list, (id) => into.int32(id))
  writeCompact(into, brokers, ({ id, host, port }) =>
    into.int32(id).compactString(host).int32(port).uvarint(0).uvarint(0),
  )
  into.compactString(CLUSTER_ID).int32(controller)
  writeCompact(into, topics, ({ name, view }) => {
    writeId(into.int16(errorOf(view)).compactString(name), view?.topic.id ?? NO_ID)
    writeCompact(into.int8(0), [...(view?.partitions ?? []).entries()], ([index, partition]) => {
      const { leader, epoch, isr } = partition
      into.int16(leaderError(partition)).int32(index).int32(leader).int32(epoch)
      ids(partition.partition.parts.replicas)
      ids(isr)
      ids([])
      into.uvarint(0)
    })
    into.int32(NO_OPERATIONS).uvarint(0)
  })
  into.int32(NO_OPERATIONS).uvarint(0)
}

function writeOld(into: WireWriter, { brokers, controller, topics }: Told): void {
  const ids = (list: readonly number[]) => writeArray(into, list, (id) => into.int32(id))
  writeArray(into, brokers, ({ id, host, port }) => into.int32(id).string(host).int32(port).string(null))
  into.string(CLUSTER_ID).int32(controller)
  writeArray(into, topics, ({ name, view }) => {
    into.int16(errorOf(view)).string(name).int8(0)
    writeArray(into, [...(view?.partitions ?? []).entries()], ([index, partition]) => {
      into.int16(leaderError(partition)).int32(index).int32(partition.leader)
      ids(partition.partition.parts.replicas)
      ids(partition.isr)
      ids([])
    })
  })
}
