import { freePort } from './free-port.ts'

/** Ports of one broker, which is a controller as well. */
export interface KafkaNodePorts {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
}

export async function freeKafkaPorts(count: number): Promise<KafkaNodePorts[]> {
  const taken = new Set<number>()
  while (taken.size < 2 * count) taken.add(await freePort())
  const ports = [...taken]
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    port: ports[2 * i] ?? 0,
    controllerPort: ports[2 * i + 1] ?? 0,
  }))
}

/** The server.properties of one node. */
export function kafkaProperties(of: {
  node: KafkaNodePorts
  nodes: readonly KafkaNodePorts[]
  dataFolder: string
  settings: Readonly<Record<string, string | number>>
}): string {
  const { node, nodes, dataFolder } = of
  const replicas = nodes.length
  const inSync = replicas > 1 ? 2 : 1
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes
      .map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`)
      .join(),
    listeners: `PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${node.port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
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
