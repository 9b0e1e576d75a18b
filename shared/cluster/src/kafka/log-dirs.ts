import { type ConnectionSet, type KafkaCluster, REQUEST_MS } from './cluster.ts'
import type { Api, KafkaConnection } from './connection.ts'
import { KafkaError } from './kafka-error.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** Version 4 is the first that tells of the disk, too (Kafka 3.3). */
const DESCRIBE_LOG_DIRS: Api = { key: 35, version: 4, flexible: true }

/** One data folder of a broker that holds some of the partitions that were asked about. */
export interface LogDir {
  /** Bytes of their segment files, by partition: what was consumed and not yet removed among them. */
  readonly sizes: ReadonlyMap<number, number>
  /** Of the disk; undefined where the broker does not know. */
  readonly totalBytes: number | undefined
  readonly usableBytes: number | undefined
}

/** Asks one broker how large its copies of these partitions are. Throws KafkaError. */
async function describeLogDirs(
  connection: KafkaConnection,
  topic: string,
  partitions: readonly number[],
  timeoutMs: number,
): Promise<LogDir[]> {
  const body = new WireWriter()
    .uvarint(2)
    .compactString(topic)
    .uvarint(partitions.length + 1)
  for (const partition of partitions) body.int32(partition)
  body.uvarint(0).uvarint(0)
  const reader = new WireReader(await connection.request(DESCRIBE_LOG_DIRS, [body.bytes], timeoutMs))
  reader.int32()
  const failed = KafkaError.of(reader.int16(), `the data folders of ${topic}`)
  if (failed !== undefined) throw failed
  const dirs = reader.compactArray(() => readDir(reader))
  return dirs.filter(({ sizes }) => sizes.size > 0)
}

function readDir(reader: WireReader): LogDir {
  reader.int16()
  reader.compactString()
  const sizes = new Map<number, number>()
  reader.compactArray(() => {
    reader.compactString()
    reader.compactArray(() => {
      const partition = reader.int32()
      const bytes = reader.int64()
      reader.int64()
      const isFuture = reader.int8() !== 0
      reader.tags()
      if (!isFuture) sizes.set(partition, bytes)
    })
    reader.tags()
  })
  const totalBytes = known(reader.int64())
  const usableBytes = known(reader.int64())
  reader.tags()
  return { sizes, totalBytes, usableBytes }
}

function known(bytes: number): number | undefined {
  return bytes < 0 ? undefined : bytes
}

/** The data folders in which the leaders of these partitions keep them. Throws KafkaError. */
export async function leaderLogDirs(
  cluster: KafkaCluster,
  connections: ConnectionSet,
  topic: string,
  partitions: readonly number[],
): Promise<LogDir[]> {
  const byNode = new Map<number, number[]>()
  for (const partition of partitions) {
    const node = await cluster.leader(topic, partition)
    byNode.set(node, [...(byNode.get(node) ?? []), partition])
  }
  const dirs: LogDir[] = []
  for (const [node, led] of byNode)
    dirs.push(...(await describeLogDirs(await connections.toNode(node), topic, led, REQUEST_MS)))
  return dirs
}
