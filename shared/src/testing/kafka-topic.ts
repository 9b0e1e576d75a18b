import { Kafka, logLevel } from 'kafkajs'

/** Makes a topic for a test, with the settings that matter here. */
export async function ensureTestTopic(brokers: string, topic: string, partitions = 1): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const configEntries = [
      { name: 'retention.ms', value: '-1' },
      { name: 'max.message.bytes', value: '10485760' },
    ]
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
    })
  })
}

export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
}

type Admin = ReturnType<Kafka['admin']>

async function withAdmin(brokers: string, act: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await act(admin)
  } finally {
    await admin.disconnect()
  }
}
