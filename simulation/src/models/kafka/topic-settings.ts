/** What a broker has for a topic that was made without more (Kafka documentation, "Topic Configs"). */
const DEFAULTS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'flush.messages': '9223372036854775807',
  'max.message.bytes': '1048588',
  'min.insync.replicas': '1',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
  'segment.bytes': '1073741824',
  'unclean.leader.election.enable': 'false',
}

/** The settings of one topic. Those that the model acts on are numbers here; nothing is thrown away by age or size. */
export class TopicSettings {
  readonly #set: Map<string, string>

  constructor(set: Readonly<Record<string, string>>) {
    this.#set = new Map(Object.entries({ ...DEFAULTS, ...set }))
  }

  get maxMessageBytes(): number {
    return this.#number('max.message.bytes')
  }

  get minInsync(): number {
    return this.#number('min.insync.replicas')
  }

  get segmentBytes(): number {
    return this.#number('segment.bytes')
  }

  set(name: string, value: string): void {
    this.#set.set(name, value)
  }

  entries(): [string, string][] {
    return [...this.#set]
  }

  #number(name: string): number {
    return Number(this.#set.get(name))
  }
}
