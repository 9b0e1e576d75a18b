import type { WireReader } from '@bgs/cluster/kafka/wire-reader.ts'
import type { Broker } from './broker.ts'
import type { Cluster } from './cluster.ts'
import { type PartitionView, viewOfPartition } from './cluster-view.ts'
import { ERRORS, type ErrorCode } from './errors.ts'

/** Who is asked: a broker, on one of its connections. */
export interface Asked {
  readonly cluster: Cluster
  readonly broker: Broker
  /** Which of its listeners; -1: the first. */
  readonly way: number
  /** Whether the client is still there, and the broker too. */
  readonly isOpen: () => boolean
  /** Ends the connection. */
  readonly cut: () => void
}

/** The body of a response in parts; undefined: there is none. */
export type Answer = (
  request: WireReader,
  asked: Asked,
  version: number,
) => Promise<readonly Uint8Array[] | undefined> | readonly Uint8Array[] | undefined

/** What a broker knows of a partition that it takes itself to lead. */
export interface Led {
  readonly view: PartitionView
  /** Another one leads it, of which this broker has not heard. */
  readonly isStale: boolean
  /** What consumers may see ends here. */
  readonly highWatermark: number
}

/**
 * The partition, if the broker leads it as far as it knows; else why it does not answer for it. `epoch`: what the client
 * takes for its leader's epoch, -1: it does not say (KIP-320).
 */
export function ledBy(
  { cluster, broker }: Asked,
  topic: string,
  index: number,
  epoch: number,
): Led | ErrorCode {
  const known = broker.frozen?.topics.get(topic)
  const live = broker.frozen === undefined ? cluster.topics.get(topic)?.partitions[index] : undefined
  const view = live === undefined ? known?.partitions[index] : viewOfPartition(live)
  if (view === undefined) return ERRORS.UNKNOWN_TOPIC_OR_PARTITION
  if (view.leader !== broker.id) return ERRORS.NOT_LEADER_OR_FOLLOWER
  if (epoch >= 0 && epoch < view.epoch) return ERRORS.FENCED_LEADER_EPOCH
  if (epoch > view.epoch) return ERRORS.UNKNOWN_LEADER_EPOCH
  const { partition } = view
  const isStale = partition.isDeleted || partition.epoch !== view.epoch || partition.leader !== view.leader
  const highWatermark = isStale ? Math.min(view.highWatermark, partition.log.end) : partition.highWatermark
  return { view, isStale, highWatermark }
}
