import type { WireReader } from '@bgs/cluster/kafka/wire-reader.ts'
import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import type { Answer, Asked } from '../asked.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import type { TopicSpec } from '../topic.ts'
import { untilTrue } from '../until-true.ts'
import { writeArray } from '../wire-arrays.ts'

/** CreateTopics 4, and 3 for kafkajs. */
export const createTopics: Answer = async (request, asked) => {
  const specs = request.array(() => readSpec(request))
  const timeoutMs = request.int32()
  const onlyValidates = request.int8() !== 0
  // The controllers may yet be there in time.
  await untilTrue(() => asked.cluster.hasQuorum, timeoutMs)
  const outcomes = specs.map((spec) => ({ name: spec.name, error: create(asked, spec, onlyValidates) }))
  const writer = new WireWriter().int32(asked.broker.mood.throttleMs)
  writeArray(writer, outcomes, ({ name, error }) => writer.string(name).int16(error).string(null))
  return [writer.bytes]
}

function readSpec(request: WireReader): TopicSpec {
  const name = request.string() ?? ''
  const partitions = request.int32()
  const replicationFactor = request.int16()
  request.array(() => {
    request.int32()
    request.array(() => request.int32())
  })
  const settings = request.array(() => [request.string() ?? '', request.string() ?? ''] as const)
  return {
    name,
    partitions: partitions === -1 ? 1 : partitions,
    replicationFactor,
    settings: Object.fromEntries(settings),
  }
}

function create({ cluster }: Asked, spec: TopicSpec, onlyValidates: boolean): ErrorCode {
  const alive = [...cluster.brokers.values()].filter(({ isRegistered }) => isRegistered).length
  if (!cluster.hasQuorum) return ERRORS.REQUEST_TIMED_OUT
  if (cluster.topics.has(spec.name)) return ERRORS.TOPIC_ALREADY_EXISTS
  if (spec.partitions < 1) return ERRORS.INVALID_PARTITIONS
  if ((spec.replicationFactor ?? 1) > alive) return ERRORS.INVALID_REPLICATION_FACTOR
  if (!onlyValidates) cluster.create(spec)
  return ERRORS.NONE
}
