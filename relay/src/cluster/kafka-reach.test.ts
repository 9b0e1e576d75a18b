import { KafkaError } from '@bgs/cluster/kafka/kafka-error.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { expect, it } from 'vitest'
import { KafkaReach, type KafkaReachOptions } from './kafka-reach.ts'

it('invariant 14: a leader that fails while those of another topic are still awaited ends no process', async () => {
  const failures: unknown[] = []
  const ended = new AbortController()
  const cluster = {
    connections: () => ({
      toNode: async () => {
        throw new KafkaError('DISCONNECTED', 'gone')
      },
      close: () => undefined,
    }),
    topic: async (name: string) => {
      if (name === 'verified') await wait(20)
      return { leaders: [1] }
    },
    forget: () => undefined,
    health: {
      ok: () => undefined,
      failed: (error: unknown) => {
        failures.push(error)
        ended.abort()
      },
    },
  } as unknown as KafkaReachOptions['cluster']
  const topics = new Map([
    ['raw', 1],
    ['verified', 1],
  ])
  // A rejection that nobody handles fails the run of the tests.
  await new KafkaReach({ cluster, topics, leaseMs: 4_000 }).run(ended.signal)
  expect(failures).toMatchObject([{ code: 'DISCONNECTED' }])
})
