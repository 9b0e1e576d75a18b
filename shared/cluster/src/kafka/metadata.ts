import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** Version 10 is the first that tells a topic's id. */
const METADATA: Api = { key: 3, version: 10, flexible: true }

export interface BrokerAddress {
  readonly node: number
  readonly host: string
  readonly port: number
}

export interface TopicMetadata {
  readonly name: string
  /** The broker's id of the topic, as hex: another one means that it was deleted and made anew. */
  readonly id: string
  /** Leader's node of each partition, -1 where there is none. */
  readonly leaders: readonly number[]
  /** Its epoch, which rises with each leader (KIP-320). */
  readonly epochs: readonly number[]
  /** Of the first partition. */
  readonly replicas: number
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[]
  /** Node that makes topics, or hands that on. */
  readonly controller: number
  readonly topics: ReadonlyMap<string, TopicMetadata>
}

/** Asks one broker what it knows of these topics; one that does not exist is left out. Creates none. */
export async function askMetadata(
  connection: KafkaConnection,
  topics: readonly string[],
  timeoutMs: number,
): Promise<ClusterMetadata> {
  const body = new WireWriter().uvarint(topics.length + 1)
  for (const topic of topics) body.zeros(16).compactString(topic).uvarint(0)
  // Create missing topics, tell what is allowed in the cluster, in the topics: no.
  body.zeros(3).uvarint(0)
  const reader = new WireReader(await connection.request(METADATA, [body.bytes], timeoutMs))
  reader.int32()
  const brokers = reader.compactArray(() => {
    const broker = { node: reader.int32(), host: reader.compactString() ?? '', port: reader.int32() }
    reader.compactString()
    reader.tags()
    return broker
  })
  reader.compactString()
  const controller = reader.int32()
  const found = reader.compactArray(() => readTopic(reader))
  return {
    brokers,
    controller,
    topics: new Map(found.filter((topic) => topic !== null).map((topic) => [topic.name, topic])),
  }
}

function readTopic(reader: WireReader): TopicMetadata | null {
  const error = KafkaError.of(reader.int16(), 'metadata')
  const name = reader.compactString() ?? ''
  const id = reader.raw(16).toString('hex')
  reader.int8()
  const leaders: number[] = []
  const epochs: number[] = []
  let replicas = 0
  reader.compactArray(() => {
    reader.int16()
    const index = reader.int32()
    leaders[index] = reader.int32()
    epochs[index] = reader.int32()
    const count = reader.compactArray(() => reader.int32()).length
    if (index === 0) replicas = count
    reader.compactArray(() => reader.int32())
    reader.compactArray(() => reader.int32())
    reader.tags()
  })
  reader.int32()
  reader.tags()
  if (error?.code === 'UNKNOWN_TOPIC_OR_PARTITION') return null
  // A topic that is being made has no leaders yet: it is there, and will have.
  if (error !== undefined && error.code !== 'LEADER_NOT_AVAILABLE') throw error
  return { name, id, leaders, epochs, replicas }
}
