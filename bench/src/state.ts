import { performance } from 'node:perf_hooks'
import { NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import { PostgresDatabase } from '@bgs/database/postgres.ts'
import { State } from '@bgs/sequencer/state/state.ts'
import { View, viewPosition } from '@bgs/sequencer/view.ts'
import { startPostgres } from '@bgs/testkit/servers/postgres.ts'

/** What accounts that are not in memory cost, with so many in the database. */
export interface StateRun {
  readonly accounts: number
  /** Of reading an account: wall time, and CPU of this process, both in µs. */
  readonly loadMicros: number
  readonly loadCpuMicros: number
  /** Of writing an account into the view. */
  readonly writeMicros: number
  readonly writeCpuMicros: number
}

const BATCH = 1_000
const BATCHES = 40
const HOST = 'pds.example.com'

/** Fills a database with so many accounts, then reads and writes ones at random, in batches as the sequencer does. */
export async function measureState(counts: readonly number[]): Promise<StateRun[]> {
  await using postgres = await startPostgres()
  const database = await PostgresDatabase.open(postgres.url)
  const runs: StateRun[] = []
  let filled = 0
  for (const accounts of counts) {
    await fill(database, filled, accounts)
    filled = accounts
    runs.push(await measure(database, accounts))
  }
  await database.close()
  return runs
}

async function fill(database: PostgresDatabase, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 100_000)
    await database.query(
      `INSERT INTO accounts SELECT n, 'did:plc:' || lpad(md5(n::text), 24, 'a'), '${HOST}', '{"${HOST}":[1,' || n || ']}',
        1, n, '3n2xs4ugetsr4', 'bafyreibk5u6h5o5cylckglco4cmpgvahnzknw7hu35kv4ai5vdy7nmkhzi',
        'bafyreigyxqcg6lpdgwtlqef2oqedmtnstjmjdnkz45t3wcxpeajszt77ya', 'active', 'active', 'gaBNd2WH0X6vO5TY_tbhl-', 0, 0, 0
        FROM generate_series(${at + 1}::bigint, ${Math.min(to, at + 100_000)}::bigint) AS n ON CONFLICT DO NOTHING`,
    )
  await database.query('ANALYZE accounts')
}

async function measure(database: PostgresDatabase, accounts: number): Promise<StateRun> {
  const state = new State(database, 100)
  const view = new View(database, state, accounts, await viewPosition(database))
  let position = view.position
  const [loading, writing] = [new Span(), new Span()]
  for (let batch = 0; batch < BATCHES; batch++) {
    const numbers = Array.from({ length: BATCH }, () => 1 + Math.floor(Math.random() * accounts))
    const rows = await database.query<{ did: string }>(
      `SELECT did FROM accounts WHERE first_seq IN (${numbers.join(', ')})`,
    )
    const dids = new Set(rows.map(({ did }) => did))
    await loading.add(dids.size, () => state.load(dids, new Set([HOST])))
    for (const did of dids) state.apply({ ...NO_FACTS, did, discontinuous: true }, ++position)
    await writing.add(dids.size, () => view.flush(position, Date.now()))
  }
  return {
    accounts,
    loadMicros: loading.wallMicros,
    loadCpuMicros: loading.cpuMicros,
    writeMicros: writing.wallMicros,
    writeCpuMicros: writing.cpuMicros,
  }
}

/** Time spent on many things, for each of them. */
class Span {
  #ms = 0
  #cpu = 0
  #count = 0

  async add(count: number, act: () => Promise<void>): Promise<void> {
    const cpu = process.cpuUsage()
    const started = performance.now()
    await act()
    this.#ms += performance.now() - started
    const { user, system } = process.cpuUsage(cpu)
    this.#cpu += user + system
    this.#count += count
  }

  get wallMicros(): number {
    return Math.round((this.#ms * 1_000) / this.#count)
  }

  get cpuMicros(): number {
    return Math.round(this.#cpu / this.#count)
  }
}
