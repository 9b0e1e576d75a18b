import { once } from 'node:events'
import { SchemaError } from '@bgs/shared/db/database.ts'
import { TopicError } from '@bgs/shared/kafka/topics.ts'
import type { Logger } from '@bgs/shared/service/logger.ts'
import type { Relay } from './relay.ts'

/** A stop takes at most so long (architecture.md). */
const STOP_MS = 30_000

/** Waits for SIGTERM or SIGINT, or a fault, then stops. Resolves to whether it ended as asked. */
export async function untilStopped(relay: Relay, logger: Logger): Promise<boolean> {
  const asked = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  const fault = await Promise.race([
    asked.then(() => undefined),
    relay.fault.catch((error: unknown) => error),
  ])
  const late = setTimeout(() => {
    logger.fatal(`not stopped within ${STOP_MS / 1_000} s`)
    process.exit(1)
  }, STOP_MS)
  late.unref()
  // After a fault nothing more may be written: what is in memory may be what is wrong.
  if (fault !== undefined) process.exit(isRefusal(fault) ? 2 : 1)
  logger.info('stopping: hosts are read no further, what is on its way is finished')
  await relay.stop()
  logger.info('stopped')
  process.exit(0)
}

/** What it found is not what it can work with: starting again changes nothing. */
function isRefusal(fault: unknown): boolean {
  return fault instanceof TopicError || fault instanceof SchemaError
}
