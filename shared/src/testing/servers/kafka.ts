import { join } from 'node:path'
import { installKafka } from './kafka-install.ts'
import { createKafkaNode } from './kafka-node.ts'
import { freeKafkaPorts } from './kafka-properties.ts'
import { createServerFolder } from './server-folder.ts'
import type { ServerProcess } from './server-process.ts'

export interface KafkaServers extends AsyncDisposable {
  /** Comma separated host:port of all nodes. */
  readonly brokers: string
  /** By their node id less one. */
  readonly nodes: readonly ServerProcess[]
  /** Of the first of them. */
  readonly dataFolder: string
}

/** Starts an Apache Kafka of one node or three, each broker and controller at once, and empty. */
export async function startKafka(
  options: { brokers?: 1 | 3; settings?: Readonly<Record<string, string | number>> } = {},
): Promise<KafkaServers> {
  const software = await installKafka()
  const folder = createServerFolder('kafka')
  const ports = await freeKafkaPorts(options.brokers ?? 1)
  const nodes: ServerProcess[] = []
  const servers: KafkaServers = {
    brokers: ports.map(({ port }) => `127.0.0.1:${port}`).join(),
    nodes,
    dataFolder: join(folder.path, `node-${ports[0]?.id}`, 'data'),
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.kill()))
      await folder[Symbol.asyncDispose]()
    },
  }
  try {
    for (const node of ports)
      nodes.push(
        await createKafkaNode(software, {
          node,
          nodes: ports,
          folder: folder.path,
          settings: options.settings ?? {},
        }),
      )
    // Together: none answers before most of them are there.
    await Promise.all(nodes.map((node) => node.start()))
    return servers
  } catch (error) {
    await servers[Symbol.asyncDispose]()
    throw error
  }
}
