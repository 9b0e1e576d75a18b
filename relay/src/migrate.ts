import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Database, SqlValue } from '@bgs/contract/database.ts'
import type { HostRow } from '@bgs/database/hosts/host-rows.ts'
import { DataLock } from '@bgs/database/lock.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { nodeDisk } from '@bgs/embedded/log/disk.ts'
import { SegmentLog } from '@bgs/embedded/log/segment-log.ts'
import { ConfigError } from '@bgs/runtime/service/config.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import { replayLog } from '@bgs/sequencer/replay-log.ts'
import { type AccountRow, UPSERT_ACCOUNT } from '@bgs/sequencer/state/account-rows.ts'
import { State } from '@bgs/sequencer/state/state.ts'
import { viewPosition } from '@bgs/sequencer/view.ts'
import { newHosts } from './new-hosts.ts'

const BATCH = 5_000
const PRINT_EVERY = 100_000

const HOST_COLUMNS = [
  'hostname',
  'created_ms',
  'epoch',
  'cursor',
  'last_seq',
  'status',
  'trusted',
  'lenient',
  'banned',
  'account_count',
  'account_limit',
  'failures',
  'retry_at_ms',
  'last_event_ms',
  'last_error',
  'asked_ms',
  'source',
  'paused',
  'upstream',
  'start_live',
  'events_per_second',
  'events_per_hour',
  'events_per_day',
  'changed_ms',
  'restarts',
  'sequence_ms',
  'throttled_count',
  'domain_banned',
] as const satisfies readonly (keyof HostRow)[]

const UPSERT_HOST = `INSERT INTO hosts (${HOST_COLUMNS.join(', ')}, connected)
  VALUES (${HOST_COLUMNS.map((_, i) => `$${i + 1}`).join(', ')}, 0)
  ON CONFLICT (hostname) DO UPDATE SET ${HOST_COLUMNS.slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`

/** Small tables that are carried over as they are, with what names a row. */
const COPIED = [
  { name: 'domains', columns: ['domain', 'rule', 'created_ms'], key: 'domain, rule' },
  { name: 'held_commits', columns: ['did', 'rev', 'commit_cid', 'data_cid', 'block'], key: 'did' },
  { name: 'throttles', columns: ['did', 'until_ms'], key: 'did' },
  { name: 'met_hosts', columns: ['day', 'hosts'], key: 'day' },
  { name: 'met_domains', columns: ['day', 'domain', 'hosts'], key: 'day, domain' },
  { name: 'audit', columns: ['id', 'at_ms', 'who', 'act', 'subject', 'why', 'detail'], key: 'id' },
] as const

/** A row of `topics` that stands there while a migration is under way: such a database is not empty, but ours. */
const BEGUN = 'migration'
const BEGIN = `INSERT INTO topics (name, id, generation) VALUES ('${BEGUN}', '', 0) ON CONFLICT (name) DO NOTHING`
const END = `DELETE FROM topics WHERE name = '${BEGUN}'`
const SET_VIEW = 'UPDATE view SET generation = $1, position = $2 WHERE id = 1'
/** Above every generation that an account was taken under: the topic's first id raises it once more. */
const SET_RAW = `INSERT INTO topics (name, id, generation) VALUES ('raw', '', $1)
  ON CONFLICT (name) DO UPDATE SET id = excluded.id, generation = excluded.generation`
const SET_FENCE = `INSERT INTO partitions (topic, number, generation, position, owner, fence)
  VALUES ('sequenced', 0, 0, 0, NULL, $1) ON CONFLICT (topic, number) DO UPDATE SET fence = excluded.fence`

/**
 * Carries the embedded relay of RELAY_DATA_DIR into an empty cluster: accounts with their takedowns, hosts with their
 * cursors and epochs, and the numbering, so that the cluster's log goes on above the last seq and takes the cursors of
 * those who had read up to it. Reads only; may be interrupted and run again. Throws ConfigError, LockedError.
 */
export async function migrate(settings: Settings, print: (line: string) => void): Promise<void> {
  const folder = settings.RELAY_DATA_DIR
  if (!existsSync(join(folder, 'state.db')))
    throw new ConfigError([`RELAY_DATA_DIR: there is no embedded relay in ${folder}`])
  const lock = DataLock.take(folder)
  const source = await SqliteDatabase.open(join(folder, 'state.db'))
  const generation = await completeView(folder, source, lock, settings)
  const target = await PostgresDatabase.open(settings.RELAY_DATABASE_URL)
  try {
    await checkEmpty(target)
    await target.transaction([{ sql: BEGIN, rows: [[]] }])
    const hosts = await copyHosts(source, target)
    const accounts = await copyAccounts(source, target, print)
    for (const table of COPIED) await copyTable(source, target, table)
    const position = await viewPosition(source)
    // Last, and at once: until then the cluster's database is one that no role can have written into.
    await target.transaction([
      { sql: SET_VIEW, rows: [[generation, position]] },
      { sql: SET_RAW, rows: [[generation + 1]] },
      { sql: SET_FENCE, rows: [[generation + 1]] },
      { sql: END, rows: [[]] },
    ])
    print(
      `${hosts} hosts and ${accounts} accounts are carried over; the numbering goes on above seq ${position}`,
    )
    print(
      'start the roles of the cluster; keep the old folder until you are satisfied, and never start its relay again',
    )
  } finally {
    await target.close()
    await source.close()
    // A relay that did not end well is not made to look as if it had.
    if (lock.clean) lock.release()
  }
}

/** Brings the database up to the end of the log; resolves to a generation above all that stand in it. */
async function completeView(
  folder: string,
  source: SqliteDatabase,
  lock: DataLock,
  settings: Settings,
): Promise<number> {
  const position = await viewPosition(source)
  const log = await SegmentLog.open({
    folder: join(folder, 'log'),
    disk: nodeDisk,
    generation: lock.generation,
    retentionMs: Number.POSITIVE_INFINITY,
    retentionBytes: Number.POSITIVE_INFINITY,
    seenPosition: position,
    clean: lock.clean,
  })
  const state = new State(source, newHosts(settings).accountLimit, settings.RELAY_ACCOUNT_CACHE_BYTES)
  await replayLog(log, source, state, position)
  const { generation } = log
  await log.close()
  const [row] = await source.query<{ most: number | null }>(
    'SELECT MAX(raw_generation) AS most FROM accounts',
  )
  return Math.max(generation, Number(row?.most ?? 0))
}

async function checkEmpty(target: Database): Promise<void> {
  const [begun] = await target.query(`SELECT name FROM topics WHERE name = '${BEGUN}'`)
  if (begun !== undefined) return
  const [found] = await target.query<{ accounts: number; hosts: number; position: number }>(
    `SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM hosts) AS hosts, position
      FROM view WHERE id = 1`,
  )
  if (found === undefined || Number(found.accounts) + Number(found.hosts) + Number(found.position) === 0)
    return
  throw new ConfigError([
    `RELAY_DATABASE_URL: the database is not empty (${found.accounts} accounts, ${found.hosts} hosts): a relay can be ` +
      'carried only into a cluster that has not run yet',
  ])
}

async function copyHosts(source: Database, target: Database): Promise<number> {
  const rows = await source.query<HostRow>('SELECT * FROM hosts')
  for (let i = 0; i < rows.length; i += BATCH) {
    const some = rows.slice(i, i + BATCH).map((row) => HOST_COLUMNS.map((column) => row[column]))
    await target.transaction([{ sql: UPSERT_HOST, rows: some }])
  }
  return rows.length
}

async function copyTable(
  source: Database,
  target: Database,
  { name, columns, key }: (typeof COPIED)[number],
): Promise<void> {
  const sql = `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')})
    ON CONFLICT (${key}) DO NOTHING`
  for (let after = 0; ; after += BATCH) {
    const rows = await source.query<Record<string, SqlValue>>(
      `SELECT * FROM ${name} ORDER BY ${key} LIMIT $1 OFFSET $2`,
      [BATCH, after],
    )
    if (rows.length === 0) return
    await target.transaction([{ sql, rows: rows.map((row) => columns.map((column) => row[column] ?? null)) }])
  }
}

async function copyAccounts(
  source: Database,
  target: Database,
  print: (line: string) => void,
): Promise<number> {
  let copied = 0
  for (let after = -1; ; ) {
    const rows = await source.query<AccountRow>(
      'SELECT * FROM accounts WHERE first_seq > $1 ORDER BY first_seq LIMIT $2',
      [after, BATCH],
    )
    if (rows.length === 0) return copied
    after = Number(rows.at(-1)?.first_seq)
    await target.transaction([{ sql: UPSERT_ACCOUNT, rows: rows.map(accountValues) }])
    copied += rows.length
    if (Math.floor(copied / PRINT_EVERY) > Math.floor((copied - rows.length) / PRINT_EVERY))
      print(`${copied} accounts`)
  }
}

/** In the order of UPSERT_ACCOUNT. */
function accountValues(row: AccountRow): (string | number | null)[] {
  const { first_seq, did, host, taken, raw_generation, raw_offset, rev, commit_cid, data_cid } = row
  const { upstream, local, digest, version, marked, synced } = row
  const positions = [first_seq, did, host, taken, raw_generation, raw_offset]
  return [...positions, rev, commit_cid, data_cid, upstream, local, digest, version, marked, synced]
}
