import { once } from 'node:events'
import { StartupError } from '@bgs/contract/startup-error.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import { isOwnFault } from './own-fault.ts'
import type { Relay } from './relay.ts'

/** A stop takes at most so long (protocol.md X7). */
const STOP_MS = 30_000
/** After a fault its note waits so long for the database. */
const NOTE_MS = 1_000

/** Waits for SIGTERM or SIGINT, or a fault, then stops. Resolves to whether it ended as asked. */
export async function untilStopped(relay: Relay, logger: Logger): Promise<boolean> {
  const asked = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  // What nobody awaits: in a timer, or in what a library calls back.
  const uncaught = once(process, 'uncaughtException').then(([error]: unknown[]) => {
    logger.fatal({ err: error }, 'the relay failed')
    return error
  })
  const fault = await Promise.race([
    asked.then(() => undefined),
    relay.fault.catch((error: unknown) => error),
    uncaught,
  ])
  const late = setTimeout(() => {
    logger.fatal(`not stopped within ${STOP_MS / 1_000} s`)
    process.exit(1)
  }, STOP_MS)
  late.unref()
  if (fault !== undefined) {
    // Nothing else may be written after a fault: what is in memory may be what is wrong.
    await Promise.race([relay.noteFault(isOwnFault(fault)).catch(() => undefined), wait(NOTE_MS)])
    process.exit(faultCode(fault))
  }
  logger.info('stopping: hosts are read no further, events on their way are finished')
  await relay.stop()
  logger.info('stopped')
  process.exit(0)
}

/** The exit code of a fault (README.md, "Run it"): 2 where starting again changes nothing. */
export function faultCode(fault: unknown): number {
  return fault instanceof StartupError ? 2 : 1
}
