import { KafkaProducer } from '@bgs/cluster/bus/kafka-producer.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { encodeControlRecord } from '@bgs/contract/envelope/control-record.ts'
import type { ClusterContext } from './context.ts'

const BYTES = 4 * 1024 * 1024

/** What says something to the sequencer (invariant 7); the caller runs it. Tokens are called when it is appended. */
export function controlProducer({
  kafka,
  topic,
  logger,
}: ClusterContext): KafkaProducer<ControlMessage, () => void> {
  return new KafkaProducer<ControlMessage, () => void>({
    cluster: kafka,
    topic: topic('control'),
    partitions: 1,
    encode: encodeControlRecord,
    maxBytes: BYTES,
    // Few, and of operators and hosts who wait for what they say.
    lingerMs: 0,
    onSafe: (done) => done(),
    onUnwritable: ({ kind }, error) =>
      logger.error(
        { err: error, kind },
        'a control message could not be encoded for Kafka: please report it',
      ),
  })
}
