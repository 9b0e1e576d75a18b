import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

const CREATE_TOPICS: Api = { key: 19, version: 4, flexible: false }
const DESCRIBE_CONFIGS: Api = { key: 32, version: 1, flexible: false }
const TOPIC_RESOURCE = 2

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly settings: Readonly<Record<string, string>>
}

/** Asks a controller to make topics; one that another process made meanwhile is left as it is. Throws KafkaError. */
export async function createTopics(
  connection: KafkaConnection,
  topics: readonly NewTopic[],
  timeoutMs: number,
): Promise<void> {
  const body = new WireWriter().int32(topics.length)
  for (const { name, partitions, replicationFactor, settings } of topics) {
    const entries = Object.entries(settings)
    body.string(name).int32(partitions).int16(replicationFactor).int32(0).int32(entries.length)
    for (const [setting, value] of entries) body.string(setting).string(value)
  }
  // Not only to validate.
  body.int32(timeoutMs).int8(0)
  const reader = new WireReader(await connection.request(CREATE_TOPICS, [body.bytes], timeoutMs + 1_000))
  reader.int32()
  reader.array(() => {
    const name = reader.string()
    const error = KafkaError.of(reader.int16(), `making ${name}`)
    const message = reader.string()
    if (error !== undefined && error.code !== 'TOPIC_ALREADY_EXISTS')
      throw new KafkaError(error.code, `${error.message}: ${message}`)
  })
}

/** Settings of topics, by their names; what is only set for the brokers is among them. Throws KafkaError. */
export async function describeTopics(
  connection: KafkaConnection,
  topics: readonly string[],
  timeoutMs: number,
): Promise<Map<string, Map<string, string>>> {
  const body = new WireWriter().int32(topics.length)
  // Of each all settings: no names of them.
  for (const topic of topics) body.int8(TOPIC_RESOURCE).string(topic).int32(-1)
  body.int8(0)
  const reader = new WireReader(await connection.request(DESCRIBE_CONFIGS, [body.bytes], timeoutMs))
  reader.int32()
  const described = reader.array((): [string, Map<string, string>] => {
    const error = KafkaError.of(reader.int16(), 'settings of topics')
    reader.string()
    reader.int8()
    const name = reader.string() ?? ''
    if (error !== undefined) throw error
    const settings = new Map<string, string>()
    reader.array(() => {
      const setting = reader.string() ?? ''
      const value = reader.string()
      reader.skip(3)
      reader.array(() => {
        reader.string()
        reader.string()
        reader.int8()
      })
      if (value !== null) settings.set(setting, value)
    })
    return [name, settings]
  })
  return new Map(described)
}
