import type { Partition } from './partition.ts'
import type { Topic } from './topic.ts'

/** What a broker knows of a partition. */
export interface PartitionView {
  readonly partition: Partition
  readonly leader: number
  readonly epoch: number
  readonly isr: readonly number[]
  readonly highWatermark: number
}

export interface TopicView {
  readonly topic: Topic
  readonly partitions: readonly PartitionView[]
}

/** The cluster as it was at some moment: a broker may be behind, or was stopped in its midst. */
export interface ClusterView {
  /** Ids of the brokers that are alive. */
  readonly brokers: readonly number[]
  readonly topics: ReadonlyMap<string, TopicView>
}

export function viewOfPartition(partition: Partition): PartitionView {
  const { leader, epoch, isr, highWatermark } = partition
  return { partition, leader, epoch, isr, highWatermark }
}

export function viewOfTopic(topic: Topic): TopicView {
  return { topic, partitions: topic.partitions.map(viewOfPartition) }
}
