import { join } from 'node:path'
import { TcpLink } from '../tcp-link.ts'
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
  /** Ways to the brokers for one process each: `host:port` of all, and the links by node id less one. */
  readonly ways: readonly { readonly brokers: string; readonly links: readonly TcpLink[] }[]
}

/** A broker of a test lives for a minute: the second compiler costs it more than it brings, half of what it takes to boot. */
const SHORT_LIFE = '-XX:TieredStopAtLevel=1'

export interface KafkaOptions {
  readonly brokers?: 1 | 3
  /** So many processes reach the brokers over links of their own. */
  readonly ways?: number
  readonly settings?: Readonly<Record<string, string | number>>
  /** What it can do is measured: its JVM compiles as that of a broker that runs for years. */
  readonly isMeasured?: boolean
}

/** Starts an Apache Kafka of one node or three, each broker and controller at once, and empty. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServers> {
  const installed = await installKafka()
  const jvm = options.isMeasured === true ? installed.jvm : [SHORT_LIFE, ...installed.jvm]
  const software = { ...installed, jvm }
  const folder = createServerFolder('kafka')
  const links: TcpLink[] = []
  const ports = await freeKafkaPorts(options.brokers ?? 1, options.ways ?? 0, async (target) => {
    const link = await TcpLink.open(target)
    links.push(link)
    return link.port
  })
  const ways = Array.from({ length: options.ways ?? 0 }, (_, way) => {
    const own = ports.map((node) => links.find(({ port }) => port === node.links[way]?.advertised) as TcpLink)
    return { brokers: own.map(({ port }) => `127.0.0.1:${port}`).join(), links: own }
  })
  const nodes: ServerProcess[] = []
  const servers: KafkaServers = {
    brokers: ports.map(({ port }) => `127.0.0.1:${port}`).join(),
    nodes,
    dataFolder: join(folder.path, `node-${ports[0]?.id}`, 'data'),
    ways,
    async [Symbol.asyncDispose]() {
      await Promise.all([
        ...nodes.map((node) => node.kill()),
        ...links.map((link) => link[Symbol.asyncDispose]()),
      ])
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
