import { modelAt } from './start-kafka.ts'

/** Stands in for that of the testkit, which asks kafkajs. */
export async function ensureTestTopic(brokers: string, topic: string, partitions = 1): Promise<void> {
  const model = modelAt(brokers)
  if (model.topics().has(topic)) return
  const settings = { 'retention.ms': '-1', 'max.message.bytes': '10485760' }
  model.createTopic({ name: topic, partitions, settings })
}

export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  modelAt(brokers).deleteTopic(topic)
}

export async function setTopic(brokers: string, topic: string, name: string, value: string): Promise<void> {
  modelAt(brokers).setTopic(topic, name, value)
}
