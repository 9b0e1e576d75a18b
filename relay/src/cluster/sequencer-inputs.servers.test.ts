import { KafkaCluster, REQUEST_MS } from '@bgs/cluster/kafka/cluster.ts'
import { produce } from '@bgs/cluster/kafka/produce.ts'
import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import { positionOf } from '@bgs/contract/bus/position.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { encodeControlRecord } from '@bgs/contract/envelope/control-record.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import { InputPositions } from '@bgs/sequencer/input-positions.ts'
import { ensureTestTopic } from '@bgs/testkit/kafka-topic.ts'
import { keepingLogger } from '@bgs/testkit/log-lines.ts'
import { type KafkaServers, startKafka } from '@bgs/testkit/servers/kafka.ts'
import { losePower } from '@bgs/testkit/servers/lose-power.ts'
import { silentLogger } from '@bgs/testkit/silent-logger.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ClusterContext } from './context.ts'
import { SequencerInputs } from './sequencer-inputs.ts'

const GENERATIONS = { raw: 1, verified: 1, control: 1 }
const WAIT = { timeout: 30_000, interval: 20 }
let kafka: KafkaServers
let cluster: KafkaCluster
beforeAll(async () => {
  kafka = await startKafka()
  cluster = new KafkaCluster(kafka.brokers.split(','), new ServerHealth('Kafka', silentLogger))
  for (const topic of ['inputs.verified', 'inputs.control']) await ensureTestTopic(kafka.brokers, topic)
})
afterAll(async () => {
  cluster.close()
  await kafka[Symbol.asyncDispose]()
})

it('inputs that have lost their end are read on from there, however far they have grown again', async () => {
  const kept = keepingLogger()
  const context = {
    kafka: cluster,
    logger: kept.logger,
    settings: { RELAY_RAW_PARTITIONS: 1 },
    topic: (name: string) => `inputs.${name}`,
    generations: GENERATIONS,
  } as unknown as ClusterContext
  const connections = cluster.connections()
  const put = async (count: number, from: number) => {
    for (let i = from; i < from + count; i++) {
      const message: ControlMessage = { kind: 'heartbeat' }
      const value = encodeControlRecord([message])
      await produce(
        await connections.toLeader('inputs.control', 0),
        'inputs.control',
        [{ partition: 0, value }],
        REQUEST_MS,
      )
    }
  }
  const signal = AbortSignal.timeout(60_000)
  await put(10, 0)
  const stop = new AbortController()
  const first = await SequencerInputs.open(context, null, 1, signal)
  const running = first.control.run(stop.signal)
  const taken: BusEntry<ControlMessage>[] = []
  await expect.poll(() => taken.push(...first.control.poll(100)), WAIT).toBe(10)
  const positions = InputPositions.decode(null, GENERATIONS)
  for (const entry of taken) positions.takeControl(entry)
  stop.abort()
  await running
  const checkpoint = positions.encode()

  await kafka.nodes[0]?.kill()
  await kafka.nodes[0]?.start()
  await put(1, 10)
  const same = await SequencerInputs.open(context, checkpoint, 2, signal)
  expect(same.control.positions().get(0), 'a restart loses nothing').toBe(positionOf(9, 1))
  expect(kept.lines).toEqual([])

  await losePower(kafka, 'inputs.control', 0, 6)
  await put(8, 11)
  const after = await SequencerInputs.open(context, checkpoint, 3, signal)
  expect(after.control.positions().get(0)).toBe(positionOf(6, 0))
  expect(kept.lines).toMatchObject([{ level: 'error', partition: 0, lostFrom: 6 }])
  connections.close()
})
