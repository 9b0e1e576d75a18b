import { z } from 'zod'

/**
 * Every setting of the relay, once: name, default, meaning, unit, example. `--help`, `.env.example`,
 * docs/config.md, `check-config` and the errors are made from this table. A setting is an environment variable
 * RELAY_X_Y and a flag --x-y.
 */
export interface Setting<T> {
  readonly parse: z.ZodType<T, string>
  /** As it would be written in the environment; `auto`: worked out at start. */
  readonly fallback: string
  readonly doc: string
  readonly example: string
  readonly secret?: boolean
}

const text = z.string()
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'is not a port')
  .transform(Number)
  .refine((n) => n <= 65_535, 'is above 65535')
const bool = z.enum(['true', 'false'], 'is neither true nor false').transform((value) => value === 'true')
const serverUrl = (protocols: readonly string[]) =>
  z
    .string()
    .refine(
      (value) => value === '' || (URL.canParse(value) && protocols.includes(new URL(value).protocol)),
      `is not a URL of ${protocols.join(' or ')}`,
    )
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
const brokers = list.refine(
  (items) => items.every((item) => /^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(item)),
  'is not a list of host:port',
)
const UNITS: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }
const bytes = z
  .string()
  .regex(/^\d+ ?(KiB|MiB|GiB|TiB)?$/, 'is not a number of bytes')
  .transform((value) => Number.parseInt(value, 10) * (UNITS[value.replace(/[\d ]/g, '')] as number))
  .refine((n) => Number.isSafeInteger(n) && n > 0, 'is out of range')
const count = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, 'is not a whole number')
    .transform(Number)
    .refine((n) => n >= least && n <= most, `is not between ${least} and ${most}`)
const auto = <T>(parse: z.ZodType<T, string>) =>
  z.union([z.literal('auto').transform(() => undefined), parse])
const url = z
  .string()
  .refine((value) => URL.canParse(value) && /^https?:/.test(value), 'is not an http(s) URL')

function setting<T>(
  parse: z.ZodType<T, string>,
  fallback: string,
  doc: string,
  example: string,
  secret = false,
): Setting<T> {
  return { parse, fallback, doc, example, secret }
}

export const SETTINGS = {
  RELAY_PORT: setting(port, '2470', 'public listener: XRPC, WebSockets, /_health', '2470'),
  RELAY_OPS_PORT: setting(
    port,
    '2471',
    'operator listener: /metrics, /livez, /readyz, admin API, dashboard',
    '2471',
  ),
  RELAY_HOST: setting(text, '0.0.0.0', 'address that the public listener binds', '0.0.0.0'),
  RELAY_OPS_HOST: setting(text, '127.0.0.1', 'address that the operator listener binds', '127.0.0.1'),
  RELAY_HOSTS: setting(
    list,
    '',
    'comma-separated hosts to crawl from the start; they are trusted and get the large quotas',
    'pds.example.com',
  ),
  RELAY_PLC_URL: setting(
    url,
    'https://plc.directory',
    'URL of the PLC directory, which resolves did:plc',
    'https://plc.directory',
  ),
  RELAY_DATA_DIR: setting(
    text,
    './data',
    'folder of the log and the database; on a fan-out node of a cluster, of its copy of the log',
    './data',
  ),
  RELAY_DATABASE_URL: setting(
    serverUrl(['postgres:', 'postgresql:']),
    '',
    'PostgreSQL 14 or newer, in place of the embedded database; a cluster role needs it',
    'postgres://relay:secret@localhost:5432/relay',
    true,
  ),
  RELAY_REDIS_URL: setting(
    serverUrl(['redis:', 'rediss:']),
    '',
    'Redis, for caches, limits and wake-ups that the processes of a cluster share; a cluster role needs it',
    'redis://localhost:6379',
    true,
  ),
  RELAY_KAFKA_BROKERS: setting(
    brokers,
    '',
    'comma-separated host:port of Kafka, in place of the embedded bus and log; a cluster role needs it',
    'localhost:9092',
  ),
  RELAY_KAFKA_REPLICATION_FACTOR: setting(
    auto(count(1, 9)),
    'auto',
    'copies of each topic that the relay makes; auto: three, or as many as there are brokers',
    '3',
  ),
  RELAY_KAFKA_MIN_INSYNC: setting(
    auto(count(1, 9)),
    'auto',
    'copies that must have a record before it is acknowledged; auto: two if there are three copies or more, else one',
    '2',
  ),
  RELAY_LEASE_MS: setting(
    count(500, 60_000),
    '4000',
    'milliseconds for which a process of a cluster that stopped answering keeps its hosts, partitions or leadership',
    '4000',
  ),
  RELAY_LATENCY_MS: setting(
    count(0, 1_000),
    '10',
    'milliseconds that an event may wait in the relay for others, on average, and twice that at most; in a cluster up to eight times that in the crawler and, where several processes feed one, four times at each of two fetches. More costs less CPU per event where there are few of them; 0 is the least latency there is',
    '10',
  ),
  RELAY_KAFKA_TOPIC_PREFIX: setting(
    text,
    'relay.',
    'prefix of the topics in Kafka; unused without it',
    'relay.',
  ),
  RELAY_ADMIN_PASSWORD: setting(
    list,
    '',
    'comma-separated passwords of user admin for the admin API on the operator listener; several, so that one can be changed; empty: the admin API is off',
    'a-long-random-word',
    true,
  ),
  RELAY_RAW_PARTITIONS: setting(
    count(1, 1024),
    '16',
    'number of partitions of the topics raw and verified',
    '16',
  ),
  RELAY_RETENTION_HOURS: setting(count(1, 87_600), '72', 'replay window in hours', '72'),
  RELAY_RETENTION_BYTES: setting(
    auto(bytes),
    'auto',
    'replay window in bytes; auto: at each start, half of the sum of the free space and the space that the log takes; in a cluster this is the disk of the broker that leads `sequenced`, or 100GiB if the broker does not report its disk',
    '200GiB',
  ),
  RELAY_BACKLOG_BYTES: setting(
    bytes,
    '20GiB',
    'when raw holds so many bytes that are not consumed yet, hosts are read no further; the embedded bus, in memory, stops at 16 MiB if this is more',
    '20GiB',
  ),
  RELAY_ACCOUNT_CACHE_BYTES: setting(
    bytes,
    '256MiB',
    'bytes for accounts that the sequencer keeps in memory, about 200 for each; it reads accounts not used lately from the database again',
    '1GiB',
  ),
  RELAY_NEW_HOST_CURSOR: setting(
    z.enum(['0', 'live'], 'is neither 0 nor live'),
    '0',
    'where the relay begins to read a new host: 0 (all events that the host retains) or live',
    '0',
  ),
  RELAY_NEW_HOST_ACCOUNT_LIMIT: setting(
    auto(count(1, 1_000_000_000)),
    'auto',
    'accounts that an untrusted host may have; further ones are throttled; auto: 100, or 10,000,000 where private hosts are allowed',
    '100',
  ),
  RELAY_NEW_HOSTS_PER_DAY: setting(
    auto(count(0, 1_000_000)),
    'auto',
    'new hosts that requestCrawl may bring in a day (UTC), for the whole cluster; auto: 50, or no bound where private hosts are allowed',
    '200',
  ),
  RELAY_TRUSTED_DOMAINS: setting(
    list,
    '',
    'comma-separated hosts, or *.domain for all under it; new hosts that match get the large quotas',
    '*.example.com',
  ),
  RELAY_UPSTREAM_RELAYS: setting(
    list,
    '',
    'comma-separated relays to crawl as if they were hosts; their events are verified like all others',
    'relay.example.com',
  ),
  RELAY_ACCOUNT_EVENTS_PER_HOUR: setting(
    count(1, 1_000_000),
    '120',
    'events of each kind that one account may send in an hour before it is throttled; the kinds are #identity, #account, #sync, and commits that break its chain',
    '120',
  ),
  RELAY_THROTTLE_MINUTES: setting(
    count(1, 525_600),
    '60',
    'minutes for which an account that sent too much is throttled',
    '60',
  ),
  RELAY_WEBHOOK_URL: setting(
    serverUrl(['http:', 'https:']),
    '',
    'URL to which the relay posts a JSON message when a host reaches its limit of accounts, and once a day while it stays there; empty: no message',
    'https://hooks.example.com/relay',
    true,
  ),
  RELAY_RECHECK_MINUTES: setting(
    count(1, 525_600),
    '360',
    'minutes after which the relay asks again about each account that its host called inactive; at most 20 questions a second, 4 to one host',
    '360',
  ),
  RELAY_TRUSTED_PROXIES: setting(
    list,
    '',
    'comma-separated addresses or networks of proxies; the relay believes the X-Forwarded-For of these alone',
    '10.0.0.0/8',
  ),
  RELAY_SUBSCRIBERS_PER_ADDRESS: setting(
    count(1, 1_000_000),
    '50',
    'subscriptions that one address may have open at a process; all IPv6 addresses of a /64 count as one',
    '50',
  ),
  RELAY_CONNECTIONS_PER_ADDRESS: setting(
    count(1, 1_000_000),
    '200',
    'connections that one address may have open at a listener, including its subscriptions',
    '200',
  ),
  RELAY_ALLOW_PRIVATE_HOSTS: setting(
    bool,
    'false',
    'development only: allows hosts with http and ws, at localhost and private addresses, and with ports; callers from this machine are not limited',
    'false',
  ),
  RELAY_VERIFIER_THREADS: setting(
    auto(count(0, 256)),
    'auto',
    'worker threads at most that verify the batches of a flood and large frames; they are begun when one comes, small batches need none; 0: none; auto: cores less one, at least 1, with two cores for large frames alone',
    '2',
  ),
  RELAY_FANOUT_THREADS: setting(
    auto(count(0, 256)),
    'auto',
    'worker threads that serve subscribers; 0: the main thread serves them; auto: a quarter of the cores',
    '2',
  ),
  RELAY_FANOUT_DEFLATE: setting(
    bool,
    'false',
    'use permessage-deflate with subscribers that offer it: half the bytes; each event is compressed once, for all of them',
    'true',
  ),
  RELAY_LOG_LEVEL: setting(
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'is not a level'),
    'info',
    'trace, debug, info, warn, error or fatal',
    'info',
  ),
} as const

export type SettingName = keyof typeof SETTINGS
type SettingValue<N extends SettingName> = (typeof SETTINGS)[N] extends Setting<infer T> ? T : never
/** All settings, parsed. */
export type Settings = { readonly [N in SettingName]: SettingValue<N> }
