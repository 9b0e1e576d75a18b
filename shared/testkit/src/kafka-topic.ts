import { wait } from '@bgs/runtime/service/wait.ts'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'

const LOOK_EVERY_MS = 25
const READY_MS = 20_000

/** Makes a topic for a test, with the settings that matter here; resolves when each partition has a leader. */
export async function ensureTestTopic(brokers: string, topic: string, partitions = 1): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    const configEntries = [
      { name: 'retention.ms', value: '-1' },
      { name: 'max.message.bytes', value: '10485760' },
    ]
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
      waitForLeaders: false,
    })
    await untilLed(admin, topic, partitions)
  })
}

export async function deleteTopic(brokers: string, topic: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [topic] }))
}

/** Sets one setting of a topic. */
export async function setTopic(brokers: string, topic: string, name: string, value: string): Promise<void> {
  await withAdmin(brokers, (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }],
    }),
  )
}

type Admin = ReturnType<Kafka['admin']>

/** A broker may not have heard of a topic that was made a moment ago, nor a leader that it is one: they are asked again. */
async function untilLed(admin: Admin, topic: string, partitions: number): Promise<void> {
  for (const end = performance.now() + READY_MS; ; await wait(LOOK_EVERY_MS)) {
    try {
      const found = await admin.fetchTopicOffsets(topic)
      if (found.length === partitions) return
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}

async function withAdmin(brokers: string, act: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await act(admin)
  } finally {
    await admin.disconnect()
  }
}
