import { KafkaCluster } from '@bgs/cluster/kafka/cluster.ts'
import { boundsOf, readLogState } from '@bgs/cluster/log/kafka-log-state.ts'
import { SequencedReader } from '@bgs/cluster/log/sequenced-reader.ts'
import { LogMismatchError } from '@bgs/contract/log/log.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { seenOfLog } from '@bgs/sequencer/view.ts'
import { giveUpGap } from '../give-up-gap.ts'

/**
 * Says what keeps the sequencers of a cluster from leading, and with `acceptGap` gives up what the log no longer holds
 * and the database never saw (invariant 5). Writes nothing into Kafka. Waits for its servers; `logger` says so.
 */
export async function repairCluster(
  settings: Settings,
  acceptGap: boolean,
  logger: Logger,
  print: (text: string) => number,
): Promise<number> {
  const kafka = new KafkaCluster(settings.RELAY_KAFKA_BROKERS, new ServerHealth('Kafka', logger))
  const reader = new SequencedReader(kafka, `${settings.RELAY_KAFKA_TOPIC_PREFIX}sequenced`)
  const database = await PostgresDatabase.open(settings.RELAY_DATABASE_URL, {
    logger,
    health: new ServerHealth('PostgreSQL', logger),
  })
  try {
    if ((await kafka.topic(reader.topic)) === undefined)
      return print(`there is no topic ${reader.topic}: a sequencer makes it at its start`)
    const seen = await seenOfLog(database)
    const { bases, floor, end } = await readLogState(reader, seen, undefined, new AbortController().signal)
    const found = { bounds: boundsOf(bases, floor, end), position: seen.position }
    return await giveUpGap(database, found, acceptGap, print)
  } catch (error) {
    if (!(error instanceof LogMismatchError)) throw error
    print(error.message)
    return 1
  } finally {
    reader.close()
    kafka.close()
    await database.close()
  }
}
