import { type Database, FencedError, type SqlStep } from '@bgs/contract/database.ts'
import { registrableDomain } from '@bgs/runtime/net/registrable-domain.ts'

/** States of a host (protocol.md section 6, LX). */
export type HostStatus = 'active' | 'idle' | 'offline' | 'throttled' | 'banned'

export interface HostRow {
  readonly hostname: string
  readonly created_ms: number
  readonly epoch: number
  /** Highest seq all of whose predecessors are done (Q9); null before the first. */
  readonly cursor: number | null
  readonly last_seq: number | null
  readonly status: HostStatus
  readonly connected: number
  readonly trusted: number
  readonly lenient: number
  readonly banned: number
  readonly account_count: number
  readonly account_limit: number
  readonly failures: number
  readonly retry_at_ms: number
  readonly last_event_ms: number
  readonly last_error: string | null
  readonly asked_ms: number
  /** In a cluster: the crawler that has leased it, and the number of changes of that. */
  readonly owner: string | null
  readonly fence: number
  /** How it came to be known. */
  readonly source: HostSource
  /** An operator wants it read no further for now. */
  readonly paused: number
  /** It is a relay, crawled by explicit setting (H5): its word is a hint only. */
  readonly upstream: number
  /** Without a cursor it is read from now on, not from the beginning (Q10). */
  readonly start_live: number
  /** Limits set by an operator (H8); null: those that follow from trust and account_limit. */
  readonly events_per_second: number | null
  readonly events_per_hour: number | null
  readonly events_per_day: number | null
  /** When an operator or the view last changed what its crawler must know; restarts: its session begins anew. */
  readonly changed_ms: number
  readonly restarts: number
  /** When it last began its sequence anew; 0: never seen. */
  readonly sequence_ms: number
  /** Of its accounts those throttled for its limit. */
  readonly throttled_count: number
  /** It lies in a domain that is banned with everything under it. */
  readonly domain_banned: number
}

/** `setting`: RELAY_HOSTS; `request`: requestCrawl; `import`: another relay's list; `operator`: the admin API. */
type HostSource = 'setting' | 'request' | 'import' | 'operator'

/**
 * Whether the row `hosts` lies in a banned domain, by all bans: too dear to be asked for each host at each look, so the
 * column `domain_banned` says so. It is set where a host is added and where the ban of a domain begins or ends.
 */
const IN_BANNED_DOMAIN = `CASE WHEN EXISTS (SELECT 1 FROM domains d WHERE d.rule = 'ban'
  AND (hosts.hostname = d.domain OR hosts.hostname LIKE '%.' || d.domain)) THEN 1 ELSE 0 END`

/** Brings `domain_banned` of all hosts under a domain ($1) up to date, and has their crawlers look at them anew ($2). */
export const REFRESH_DOMAIN = `UPDATE hosts SET domain_banned = ${IN_BANNED_DOMAIN},
    changed_ms = CASE WHEN changed_ms >= $2 THEN changed_ms + 1 ELSE $2 END
  WHERE hostname = $1 OR hostname LIKE '%.' || $1`
/**
 * The same of one host ($1), as a statement after the one that has added it. A ban that is written meanwhile:
 *
 * 1. The host is added, and the ban does not see it.
 * 2. The ban is written.
 * 3. This looks, and sees the ban. Where it looks before 2, the ban sees the host.
 */
const REFRESH_HOST = `UPDATE hosts SET domain_banned = ${IN_BANNED_DOMAIN} WHERE hostname = $1`

/** Whether a host is not to be crawled: banned, itself or by its domain, or paused. 0 or 1, for the row `hosts`. */
export const SUSPENDED = 'CASE WHEN paused = 1 OR banned = 1 OR domain_banned = 1 THEN 1 ELSE 0 END'

/** Limit of accounts on a trusted host (protocol.md H8). */
export const TRUSTED_ACCOUNT_LIMIT = 10_000_000

/** The state that a host is shown in: what holds it back comes first. For the row `hosts`. */
export const SHOWN_STATE = `CASE WHEN banned = 1 OR (paused = 0 AND ${SUSPENDED} = 1) THEN 'banned'
  WHEN paused = 1 THEN 'paused' ELSE status END`

/** A host to be added, or asked for again. */
export interface AskedHost {
  readonly hostname: string
  readonly trusted: boolean
  readonly accountLimit: number
  readonly source: HostSource
  readonly upstream?: boolean
  readonly startLive?: boolean
  readonly nowMs: number
}

const ASK = `INSERT INTO hosts (hostname, created_ms, epoch, cursor, last_seq, status, connected, trusted, lenient, banned,
    account_count, account_limit, failures, retry_at_ms, last_event_ms, last_error, asked_ms, source, upstream, start_live)
  VALUES ($1, $2, 1, NULL, NULL, 'active', 0, $3, 0, 0, 0, $4, 0, 0, 0, NULL, $2, $5, $6, $7)
  ON CONFLICT (hostname) DO UPDATE SET asked_ms = excluded.asked_ms`
/** Neither trust is taken away by a later call, nor that it is a relay, whose word on others is a hint only (H5). */
const TRUST =
  'UPDATE hosts SET trusted = 1, upstream = CASE WHEN $2 = 1 THEN 1 ELSE upstream END WHERE hostname = $1'
/** One host more met on this day, unless that would be too many (H6): the same count for all processes. */
const MEET = `INSERT INTO met_hosts (day, hosts) VALUES ($1, 1)
  ON CONFLICT (day) DO UPDATE SET hosts = met_hosts.hosts + 1 WHERE met_hosts.hosts < $2`
/** The same of one registrable domain: names under it cost nothing, and must not take everybody's places. */
const MEET_DOMAIN = `INSERT INTO met_domains (day, domain, hosts) VALUES ($1, $2, 1)
  ON CONFLICT (day, domain) DO UPDATE SET hosts = met_domains.hosts + 1 WHERE met_domains.hosts < $3`
const FORGET_DOMAINS = 'DELETE FROM met_domains WHERE day < $1'
const DAY_MS = 86_400_000
/** The part of a day's new hosts that one registrable domain may have. */
const DOMAIN_SHARE = 5

/**
 * Adds a host, or notes that it was asked for again. The limit of accounts is that of a new host only: of one that is
 * known the sequencer has it (trustHost).
 */
export async function askForHost(database: Database, host: AskedHost): Promise<void> {
  await database.transaction(askSteps(host))
  await database.transaction([{ sql: REFRESH_HOST, rows: [[host.hostname]] }])
}

/**
 * Adds a host that nobody of this relay knows, if fewer than `mostPerDay` were met today (UTC), and fewer than a fifth of
 * these under its registrable domain; resolves to whether it was added. A trusted one takes nobody's place.
 */
export async function meetHost(database: Database, host: AskedHost, mostPerDay: number): Promise<boolean> {
  if (mostPerDay === 0 && !host.trusted) return false
  const day = Math.floor(host.nowMs / DAY_MS)
  const domain = [day, registrableDomain(host.hostname), mostOfDomain(mostPerDay)]
  const places = [
    { sql: FORGET_DOMAINS, rows: [[day]] },
    { sql: MEET_DOMAIN, rows: [domain], expect: 1 },
    { sql: MEET, rows: [[day, mostPerDay]], expect: 1 },
  ]
  try {
    await database.transaction([...(host.trusted ? [] : places), ...askSteps(host)])
    await database.transaction([{ sql: REFRESH_HOST, rows: [[host.hostname]] }])
    return true
  } catch (error) {
    if (error instanceof FencedError) return false
    throw error
  }
}

/** Whether another host under this one's registrable domain may be met today (UTC). */
export async function hasPlaceToday(
  database: Database,
  hostname: string,
  mostPerDay: number,
  nowMs: number,
): Promise<boolean> {
  const day = Math.floor(nowMs / DAY_MS)
  const [row] = await database.query<{ hosts: number }>(
    'SELECT hosts FROM met_domains WHERE day = $1 AND domain = $2',
    [day, registrableDomain(hostname)],
  )
  if (Number(row?.hosts ?? 0) >= mostOfDomain(mostPerDay)) return false
  return (await hostsMetToday(database, nowMs)) < mostPerDay
}

function mostOfDomain(mostPerDay: number): number {
  return Math.max(1, Math.ceil(mostPerDay / DOMAIN_SHARE))
}

/** Hosts met today (UTC) by requests. */
export async function hostsMetToday(database: Database, nowMs: number): Promise<number> {
  const day = Math.floor(nowMs / DAY_MS)
  const [row] = await database.query<{ hosts: number }>('SELECT hosts FROM met_hosts WHERE day = $1', [day])
  return Number(row?.hosts ?? 0)
}

function askSteps(host: AskedHost): SqlStep[] {
  const { hostname, trusted, accountLimit, source, upstream = false, startLive = false, nowMs } = host
  const limit = trusted ? TRUSTED_ACCOUNT_LIMIT : accountLimit
  const flags = [upstream ? 1 : 0, startLive ? 1 : 0]
  const steps = [{ sql: ASK, rows: [[hostname, nowMs, trusted ? 1 : 0, limit, source, ...flags]] }]
  return trusted ? [...steps, { sql: TRUST, rows: [[hostname, upstream ? 1 : 0]] }] : steps
}

export async function findHost(database: Database, hostname: string): Promise<HostRow | undefined> {
  const [row] = await database.query<HostRow>('SELECT * FROM hosts WHERE hostname = $1', [hostname])
  return row
}

/** A host and whether it is not to be crawled. */
export type HostRowSeen = HostRow & { readonly suspended: number }

/** Hosts that were asked for or changed after a time, oldest first. */
export function hostsChangedSince(database: Database, sinceMs: number): Promise<HostRowSeen[]> {
  return database.query<HostRowSeen>(
    `SELECT hosts.*, ${SUSPENDED} AS suspended FROM hosts WHERE asked_ms > $1 OR changed_ms > $1
      ORDER BY created_ms, hostname`,
    [sinceMs],
  )
}
