import { freePort } from './free-port.ts'

/** Ports of one broker, which is a controller as well. */
export interface KafkaNodePorts {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
  /** Further listeners: each tells its clients of a port of its own, at which something stands between (tcp-link.ts). */
  readonly links: readonly KafkaLinkPorts[]
}

interface KafkaLinkPorts {
  readonly port: number
  /** Where clients of this listener are to connect. */
  readonly advertised: number
}

/** Of so many brokers, each of them with listeners for so many links, of which `advertise` says where they lie. */
export async function freeKafkaPorts(
  count: number,
  links = 0,
  advertise: (port: () => number) => Promise<number> = () => Promise.resolve(0),
): Promise<KafkaNodePorts[]> {
  const each = 2 + links
  const taken = new Set<number>()
  while (taken.size < each * count) taken.add(await freePort())
  const ports = [...taken]
  const nodes: KafkaNodePorts[] = []
  for (let id = 1; id <= count; id++) {
    const [port = 0, controllerPort = 0, ...further] = ports.splice(0, each)
    const made: KafkaLinkPorts[] = []
    for (const one of further) made.push({ port: one, advertised: await advertise(() => one) })
    nodes.push({ id, port, controllerPort, links: made })
  }
  return nodes
}

/** The server.properties of one node. */
export function kafkaProperties(of: {
  node: KafkaNodePorts
  nodes: readonly KafkaNodePorts[]
  dataFolder: string
  settings: Readonly<Record<string, string | number>>
}): string {
  const { node, nodes, dataFolder } = of
  const listeners = node.links.map(({ port, advertised }, i) => ({ name: `LINK${i}`, port, advertised }))
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`
  const replicas = nodes.length
  const inSync = replicas > 1 ? 2 : 1
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes
      .map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`)
      .join(),
    listeners: [
      at('PLAINTEXT', node.port),
      at('CONTROLLER', node.controllerPort),
      ...listeners.map(({ name, port }) => at(name, port)),
    ].join(),
    'advertised.listeners': [
      at('PLAINTEXT', node.port),
      ...listeners.map(({ name, advertised }) => at(name, advertised)),
    ].join(),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': ['PLAINTEXT', 'CONTROLLER', ...listeners.map(({ name }) => name)]
      .map((name) => `${name}:PLAINTEXT`)
      .join(),
    'log.dirs': dataFolder,

    // As a careful operator would.
    'auto.create.topics.enable': false,
    'unclean.leader.election.enable': false,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,

    // Small and quick, so that a test does not wait: what takes minutes by default takes seconds.
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.num.partitions': 4,
    'group.initial.rebalance.delay.ms': 0,
    // Also how long a killed broker that is started again waits until its old registration has expired.
    'broker.session.timeout.ms': replicas > 1 ? 6_000 : 2_000,
    'broker.heartbeat.interval.ms': 500,
    'log.initial.task.delay.ms': 500,
    'log.retention.check.interval.ms': 500,
    'log.segment.delete.delay.ms': 100,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
    ...of.settings,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
