import { int32, type Message, message, startupParameters } from './wire.ts'

const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104
const VERSION_3 = 3
const REPORTED = {
  server_version: '18.7',
  server_encoding: 'UTF8',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  integer_datetimes: 'on',
  standard_conforming_strings: 'on',
  in_hot_standby: 'off',
}
/** Of a session that the front keeps itself, or that is none of the engine's. */
const NOT_OF_ENGINE = new Set(['user', 'database', 'options', 'replication', 'client_encoding'])

/** What a client asked for when it connected. */
export interface SessionStart {
  readonly database: string
  readonly applicationName: string
  /** Milliseconds; 0: none. */
  readonly statementTimeoutMs: number
  readonly idleInTransactionMs: number
  /** All others, as ServedDatabase takes them. */
  readonly settings: string
}

/** Reads the first message: `no` is for encryption, which there is none of; undefined for what starts no session. */
export function readStart({ body }: Message): SessionStart | 'no' | undefined {
  const code = body.readInt32BE(0)
  if (code === SSL_REQUEST || code === GSS_REQUEST) return 'no'
  if (code >> 16 !== VERSION_3) return undefined
  const parameters = startupParameters(body)
  const all = new Map([...parameters].filter(([name]) => !NOT_OF_ENGINE.has(name)))
  // As `-c search_path=apart`.
  for (const [, name = '', value = ''] of (parameters.get('options') ?? '').matchAll(/-c\s*([\w.]+)=(\S*)/g))
    all.set(name, value)
  const take = (name: string) => {
    const value = Number.parseInt(all.get(name) ?? '0', 10)
    all.delete(name)
    return value
  }
  return {
    statementTimeoutMs: take('statement_timeout'),
    idleInTransactionMs: take('idle_in_transaction_session_timeout'),
    database: parameters.get('database') ?? parameters.get('user') ?? '',
    applicationName: all.get('application_name') ?? '',
    settings: JSON.stringify([...all].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/** Who connects is believed; the session is ready. */
export function welcome(pid: number, applicationName: string): Buffer {
  const reported = Object.entries({ ...REPORTED, application_name: applicationName })
  return Buffer.concat([
    message('R', int32(0)),
    ...reported.map(([name, value]) => message('S', `${name}\0${value}\0`)),
    message('K', int32(pid), int32(0)),
  ])
}
