import { Partition, type PartitionParts } from './partition.ts'
import { TopicSettings } from './topic-settings.ts'

/** How a topic is to be made. */
export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  /** -1: as many as there are brokers, three at most. */
  readonly replicationFactor?: number
  readonly settings?: Readonly<Record<string, string>>
}

/** A topic: one that is made anew under its name is another, with another id. */
export class Topic {
  readonly name: string
  /** 16 bytes as hex. */
  readonly id: string
  readonly settings: TopicSettings
  readonly partitions: readonly Partition[]

  constructor(
    spec: TopicSpec,
    id: string,
    /** Of each partition. */
    replicas: readonly (readonly number[])[],
    parts: Omit<PartitionParts, 'replicas' | 'settings'>,
  ) {
    this.name = spec.name
    this.id = id
    this.settings = new TopicSettings(spec.settings ?? {})
    this.partitions = replicas.map((of) => new Partition({ ...parts, replicas: of, settings: this.settings }))
  }

  delete(): void {
    for (const partition of this.partitions) partition.delete()
  }
}
