import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import type { Answer } from '../asked.ts'
import { ERRORS } from '../errors.ts'
import { readNullable, writeArray } from '../wire-arrays.ts'

const TOPIC_RESOURCE = 2
/** Where a setting is from: its topic. */
const DYNAMIC_TOPIC_CONFIG = 1

/** DescribeConfigs 1, of topics. */
export const describeConfigs: Answer = (request, { cluster, broker }) => {
  const wanted = request.array(() => ({
    type: request.int8(),
    name: request.string() ?? '',
    names: readNullable(request, () => request.string() ?? ''),
  }))
  const writer = new WireWriter().int32(broker.mood.throttleMs)
  writeArray(writer, wanted, ({ type, name, names }) => {
    const settings = type === TOPIC_RESOURCE ? cluster.topics.get(name)?.settings : undefined
    writer.int16(settings === undefined ? ERRORS.UNKNOWN_TOPIC_OR_PARTITION : ERRORS.NONE)
    writer.string(null).int8(type).string(name)
    const entries = (settings?.entries() ?? []).filter(([setting]) => names?.includes(setting) !== false)
    writeArray(writer, entries, ([setting, value]) =>
      writer.string(setting).string(value).int8(0).int8(DYNAMIC_TOPIC_CONFIG).int8(0).int32(0),
    )
  })
  return [writer.bytes]
}
