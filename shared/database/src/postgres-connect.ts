import { errorText } from '@bgs/runtime/service/error-text.ts'
import { Client } from 'pg'
import { POSTGRES_TYPES } from './postgres-values.ts'

const CONNECT_MS = 3_000
const STATEMENT_MS = 10_000
/** Behind the server's own limit: only a server that says nothing at all runs into it. */
const ANSWER_MS = 12_000
/**
 * What a process that was stopped or cut off in a transaction holds locked is free after this: less than a lease, so that
 * whoever takes over waits for no longer. One that comes back finds its connection gone, and its transaction undone.
 */
const IDLE_TRANSACTION_MS = 3_000
const KEEPALIVE_AFTER_MS = 10_000

/** No connection could be made; the cause says why. */
export class ConnectError extends Error {
  override name = 'ConnectError'
  readonly code = 'connect'
}

export interface ConnectOptions {
  /** Sent first. */
  readonly hello?: string
  /** Statements may take any time. */
  readonly patient?: boolean
}

/** Makes a connection whose errors are told by the statements that fail. Ends the attempt when `signal` is aborted. */
export async function connectPostgres(
  url: string,
  signal: AbortSignal,
  { hello, patient = false }: ConnectOptions = {},
): Promise<Client> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_AFTER_MS,
    types: POSTGRES_TYPES,
    ...(patient
      ? {}
      : {
          statement_timeout: STATEMENT_MS,
          query_timeout: ANSWER_MS,
          idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
        }),
  })
  client.on('error', () => undefined)
  const abort = () => client.connection.stream.destroy()
  signal.addEventListener('abort', abort)
  try {
    if (signal.aborted) throw signal.reason
    await client.connect()
    if (hello !== undefined) await client.query(hello)
    return client
  } catch (error) {
    abort()
    throw new ConnectError(`no connection to ${serverOf(url)}: ${errorText(error)}`, { cause: error })
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The server and database of a URL, without what is secret in it. */
export function serverOf(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? 'PostgreSQL' : `PostgreSQL at ${parsed.host}${parsed.pathname}`
}
