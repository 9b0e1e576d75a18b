import { randomBytes } from 'node:crypto'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { type KafkaNodePorts, kafkaProperties } from './kafka-properties.ts'
import { CLUSTER_ID, type KafkaSoftware } from './kafka-software.ts'
import { ServerProcess } from './server-process.ts'

/** Prepares the data of one node; it is not started yet. */
export async function createKafkaNode(
  software: KafkaSoftware,
  of: {
    node: KafkaNodePorts
    nodes: readonly KafkaNodePorts[]
    folder: string
    settings: Readonly<Record<string, string | number>>
  },
): Promise<ServerProcess> {
  const folder = join(of.folder, `node-${of.node.id}`)
  const dataFolder = join(folder, 'data')
  const properties = join(folder, 'server.properties')
  await mkdir(folder)
  await cp(software.formatted, dataFolder, { recursive: true })
  await writeFile(join(dataFolder, 'meta.properties'), metaProperties(of.node.id))
  await writeFile(properties, kafkaProperties({ ...of, dataFolder }))
  return new ServerProcess({
    name: `kafka ${of.node.id}`,
    file: software.java,
    args: [...software.jvm, 'kafka.Kafka', properties],
    folder,
    removed: of.folder,
    ready: () => answers(of.node),
    stopSignal: 'SIGTERM',
  })
}

function metaProperties(id: number): string {
  // What is formatted is the same for all nodes but for this: two disks must not have one id.
  const directory = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  return `version=1\ncluster.id=${CLUSTER_ID}\nnode.id=${id}\ndirectory.id=${directory}\n`
}

/** The cluster has a controller and knows this node as a live broker. */
async function answers({ id, port }: KafkaNodePorts): Promise<void> {
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    clientId: 'readiness',
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    if (!brokers.some(({ nodeId }) => nodeId === id)) throw new Error(`broker ${id} is fenced`)
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}
