import type { Database } from '@bgs/contract/database.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { type AskedHost, askForHost, TRUSTED_ACCOUNT_LIMIT } from './host-rows.ts'

const LOWER = 'SELECT hostname FROM hosts WHERE hostname = $1 AND trusted = 0 AND account_limit < $2'

/**
 * Adds a host that is trusted, or gives one that is known trust, and with it the larger limit of accounts (protocol.md H8,
 * H9); a limit that an operator has set since then stays. The limit of a known host is the sequencer's to change, so `tell`
 * hands it a message of control, and resolves when that is certain to be heard:
 *
 * 1. The sequencer is told of the limit.
 * 2. This process dies.
 * 3. The host is not trusted yet: whoever asks for it the next time tells the sequencer again.
 */
export async function trustHost(
  database: Database,
  host: Omit<AskedHost, 'trusted'>,
  sendControl: (message: ControlMessage) => Promise<void>,
): Promise<void> {
  const lower = await database.query(LOWER, [host.hostname, TRUSTED_ACCOUNT_LIMIT])
  if (lower.length > 0)
    await sendControl({ kind: 'host-limit', host: host.hostname, accountLimit: TRUSTED_ACCOUNT_LIMIT })
  await askForHost(database, { ...host, trusted: true })
}
