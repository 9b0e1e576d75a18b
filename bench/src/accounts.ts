import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Database } from '@bgs/contract/database.ts'
import { NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import { cidToText } from '@bgs/protocol/drisl/cid.ts'
import type { AccountRow } from '@bgs/sequencer/state/account-rows.ts'
import { State } from '@bgs/sequencer/state/state.ts'

/** What so many accounts in memory cost, without any database. */
export interface AccountsRun {
  readonly accounts: number
  /** By which the process grew for each of them, without garbage. */
  readonly bytesPerAccount: number
  /** CPU µs of finding one that is in memory, and of changing it and noting that it was written. */
  readonly loadMicros: number
  readonly changeMicros: number
}

const BATCH = 1_000
const BATCHES = 300
const HOSTS = 1_000
const CACHE_BYTES = 2 ** 30
/** What a process needs once, however many accounts there are: garbage of loading, code. */
const WARM_UP = 300_000

/** Fills the sequencer's memory, then finds and changes accounts at random, in batches as the sequencer does. */
export async function measureAccounts(counts: readonly number[]): Promise<AccountsRun[]> {
  await fill(new State(new MadeUpDatabase(), 100, 2 ** 20), WARM_UP)
  const runs: AccountsRun[] = []
  for (const count of counts) runs.push(await measure(count))
  return runs
}

async function measure(accounts: number): Promise<AccountsRun> {
  const before = rssWithoutGarbage()
  const state = new State(new MadeUpDatabase(), 100, CACHE_BYTES)
  await fill(state, accounts)
  const bytes = rssWithoutGarbage() - before
  const loading: number[] = []
  const changing: number[] = []
  for (let batch = 0; batch < BATCHES; batch++) {
    const numbers = new Set(Array.from({ length: BATCH }, () => Math.floor(Math.random() * accounts)))
    const facts = [...numbers].map((n) => ({
      ...NO_FACTS,
      did: didOf(n),
      taken: { rawGeneration: 2, rawOffset: batch, host: hostOf(n), epoch: 1, seq: 2 ** 34 + batch },
      moves: true,
      repo: { rev: REV, commit: cidOf(batch), data: cidOf(n) },
    }))
    const dids = new Set(facts.map(({ did }) => did))
    loading.push(await cpuMicros(() => state.load(dids, new Set())))
    changing.push(
      await cpuMicros(() => {
        for (const [i, one] of facts.entries()) state.apply(one, i)
        const { accounts: changed } = state.takeDirty()
        state.setWriting(changed, true)
        state.setWriting(changed, false)
      }),
    )
  }
  return {
    accounts,
    bytesPerAccount: Math.round(bytes / accounts),
    loadMicros: medianOf(loading) / BATCH,
    changeMicros: medianOf(changing) / BATCH,
  }
}

async function fill(state: State, accounts: number): Promise<void> {
  for (let at = 0; at < accounts; at += BATCH)
    await state.load(new Set(Array.from({ length: BATCH }, (_, i) => didOf(at + i))), new Set())
  await state.load(new Set(), new Set())
}

/** Knows every account that it is asked for. */
class MadeUpDatabase implements Database {
  #rows = 0

  async query<Row>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    if (!sql.includes('FROM accounts')) return []
    return params.filter((did) => did !== '').map((did) => this.#row(did as string)) as Row[]
  }

  async transaction(): Promise<number[]> {
    return []
  }

  async close(): Promise<void> {}

  #row(did: string): AccountRow {
    const n = this.#rows++
    return {
      first_seq: 2 ** 32 + n,
      did,
      host: hostOf(n),
      taken: JSON.stringify({ [hostOf(n)]: [1, 2 ** 33 + n] }),
      raw_generation: 1,
      raw_offset: n,
      rev: REV,
      commit_cid: cidToText(Buffer.from(cidOf(n), 'latin1')),
      data_cid: cidToText(Buffer.from(cidOf(n + 1), 'latin1')),
      upstream: 'active',
      local: 'active',
      digest: String(n).padEnd(22, '-'),
      version: 0,
      marked: 0,
      synced: 0,
    }
  }
}

const REV = '3n2xs4ugetsr4'
const DIGITS = 'abcdefghijklmnopqrstuvwxyz234567'

/** As one comes out of a frame: a flat string of its own. */
function didOf(n: number): string {
  const name = Buffer.from('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')
  for (let i = 31, left = n; left > 0; i--, left = Math.floor(left / 32))
    name[i] = DIGITS.charCodeAt(left % 32)
  return name.toString('latin1')
}

function hostOf(n: number): string {
  return `pds-${n % HOSTS}.example.com`
}

function cidOf(n: number): string {
  return Buffer.from(`\x01\x71\x12\x20${String(n).padEnd(32, 'é')}`, 'latin1').toString('latin1')
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function rssWithoutGarbage(): number {
  for (let i = 0; i < 3; i++) collectGarbage()
  return process.memoryUsage.rss()
}

async function cpuMicros(act: () => unknown): Promise<number> {
  const from = process.cpuUsage()
  await act()
  const { user, system } = process.cpuUsage(from)
  return user + system
}

function medianOf(values: number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0)
}
