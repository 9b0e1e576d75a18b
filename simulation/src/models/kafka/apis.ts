import { WireWriter } from '@bgs/cluster/kafka/wire-writer.ts'
import { createTopics } from './answers/create-topics.ts'
import { deleteRecords } from './answers/delete-records.ts'
import { describeConfigs } from './answers/describe-configs.ts'
import { describeLogDirs } from './answers/describe-log-dirs.ts'
import { epochEnds } from './answers/epoch-ends.ts'
import { fetch } from './answers/fetch.ts'
import { listOffsets } from './answers/list-offsets.ts'
import { metadata } from './answers/metadata.ts'
import { produce } from './answers/produce.ts'
import type { Answer } from './asked.ts'
import { ERRORS } from './errors.ts'
import { writeArray } from './wire-arrays.ts'

interface SpokenApi {
  readonly key: number
  /** Ours, and those that kafkajs chooses, which some suites use. */
  readonly versions: readonly number[]
  /** From which version on the headers have tagged fields. */
  readonly flexibleFrom: number
  readonly answer: Answer
}

const NEVER = Number.POSITIVE_INFINITY

const APIS: readonly SpokenApi[] = [
  { key: 0, versions: [7], flexibleFrom: 9, answer: produce },
  { key: 1, versions: [11], flexibleFrom: 12, answer: fetch },
  { key: 2, versions: [5], flexibleFrom: 6, answer: listOffsets },
  { key: 3, versions: [6, 10], flexibleFrom: 9, answer: metadata },
  {
    key: 18,
    versions: [2],
    flexibleFrom: NEVER,
    answer: (_, { broker }) => apiVersions(broker.mood.throttleMs),
  },
  { key: 19, versions: [3, 4], flexibleFrom: 5, answer: createTopics },
  { key: 21, versions: [1], flexibleFrom: 2, answer: deleteRecords },
  { key: 23, versions: [3], flexibleFrom: 4, answer: epochEnds },
  { key: 32, versions: [1], flexibleFrom: 4, answer: describeConfigs },
  { key: 35, versions: [4], flexibleFrom: 2, answer: describeLogDirs },
]

/** What answers a request; undefined: it is not spoken here, and a broker ends the connection. */
export function spokenApi(key: number, version: number): SpokenApi | undefined {
  return APIS.find((api) => api.key === key && api.versions.includes(version))
}

/** ApiVersions 2: our own client does not ask. */
function apiVersions(throttleMs: number): Uint8Array[] {
  const writer = new WireWriter().int16(ERRORS.NONE)
  writeArray(writer, APIS, ({ key, versions }) =>
    writer
      .int16(key)
      .int16(Math.min(...versions))
      .int16(Math.max(...versions)),
  )
  return [writer.int32(throttleMs).bytes]
}
