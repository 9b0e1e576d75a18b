import { Caution } from '@bgs/cluster/bus/caution.ts'
import { CautiousConsumer } from '@bgs/cluster/bus/cautious-consumer.ts'
import type { BusConsumer, BusEntry } from '@bgs/contract/bus/bus.ts'
import type { Database } from '@bgs/contract/database.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import type { Reason } from '@bgs/protocol/reasons/reason.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'

/** What is told of an event that processes died over. */
interface Described {
  readonly host: string
  readonly did: string
  readonly seq: number
  readonly frame?: Uint8Array
}

export interface CautiousReading<T> {
  readonly database: Database
  readonly rejections: RejectionRecorder
  /** Counts a rejection. */
  readonly rejected: { inc(labels: { reason: Reason }): void }
  readonly logger: Logger
  readonly keyOf: (entry: BusEntry<T>) => string | undefined
  /** Whose event it is; undefined: nobody's, as of a heartbeat or of what operators say. */
  readonly describe: (value: T) => Described | undefined
}

/** Reads with care once processes have ended over it (invariant 14); an event that is stepped over is kept and told of. */
export function readCautiously<T>(
  consumer: BusConsumer<T>,
  { database, rejections, rejected, logger, keyOf, describe }: CautiousReading<T>,
): CautiousConsumer<T> {
  return new CautiousConsumer({
    consumer,
    caution: new Caution(database),
    keyOf,
    onCondemned: (value, deaths) => {
      const reason = 'internal-error'
      const event = describe(value)
      rejected.inc({ reason })
      const detail = `${deaths} processes ended over this event alone`
      if (event !== undefined) rejections.note({ ...event, reason, detail })
      const { host, did, seq } = event ?? {}
      logger.error(
        { host, did, seq, reason, deaths },
        'processes died over this event: it is refused and skipped; please report it',
      )
    },
    onFault: (error) => logger.warn({ err: error }, 'could not save which events processes died over'),
  })
}

/** Names an entry of a topic in Kafka; heartbeats are no stranger's. */
export function keyInTopic<T>(
  topic: string,
  generation: number,
  isHeartbeat: (value: T) => boolean,
): (entry: BusEntry<T>) => string | undefined {
  return ({ partition, position, value }) =>
    isHeartbeat(value) ? undefined : `${topic} ${generation} ${partition} ${position}`
}
