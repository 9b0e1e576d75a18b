import type { Database, SqlStep, SqlValue } from '@bgs/contract/database.ts'
import { type Facts, NO_FACTS, type PendingCommit } from '@bgs/contract/envelope/facts.ts'
import { Random } from '@bgs/simnet/random.ts'
import { describe, expect, it } from 'vitest'
import { cid, rev } from '../testing/envelopes.ts'
import { View } from '../view.ts'
import { type Account, applyFacts, isActive, newAccount } from './account.ts'
import { type AccountRow, UPSERT_ACCOUNT } from './account-rows.ts'
import { State } from './state.ts'

const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)

/** The tables of accounts and hosts in memory; commits when it is told to. */
class SlowDatabase implements Database {
  readonly accounts = new Map<string, AccountRow>()
  readonly pendingCommits = new Map<string, unknown>()
  readonly #commits: (() => void)[] = []

  async query<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    if (!/FROM (accounts|held_commits)/.test(sql)) return []
    const table = sql.includes('held_commits') ? this.pendingCommits : this.accounts
    const found = params.map((did) => table.get(did as string))
    return found.filter((row) => row !== undefined) as Row[]
  }

  transaction(steps: readonly SqlStep[]): Promise<number[]> {
    const rows = steps.find(({ sql }) => sql === UPSERT_ACCOUNT)?.rows ?? []
    const pendingCommit = steps.filter(({ sql }) => sql.includes('held_commits'))
    return new Promise((resolve) => {
      this.#commits.push(() => {
        for (const row of rows) this.#upsert(row)
        for (const { sql, rows: some } of pendingCommit) for (const row of some) this.#hold(sql, row)
        resolve([])
      })
    })
  }

  commit(): void {
    for (const commit of this.#commits.splice(0)) commit()
  }

  async close(): Promise<void> {}

  #hold(sql: string, [did, rev, commit_cid, data_cid, block]: readonly SqlValue[]): void {
    if (sql.startsWith('DELETE')) this.pendingCommits.delete(did as string)
    else this.pendingCommits.set(did as string, { did, rev, commit_cid, data_cid, block })
  }

  #upsert(row: readonly SqlValue[]): void {
    const [first_seq, did, host, taken, raw_generation, raw_offset, rev] = row
    const [commit_cid, data_cid, upstream, local, digest, version, marked, synced] = row.slice(7)
    const head = { first_seq, did, host, taken, raw_generation, raw_offset, rev }
    const all = { ...head, commit_cid, data_cid, upstream, local, digest, version, marked, synced }
    this.accounts.set(did as string, all as unknown as AccountRow)
  }
}

const DIDS = Array.from({ length: 300 }, (_, n) =>
  n % 10 === 0 ? `did:web:${'label.'.repeat(n)}example.com` : `did:plc:${String(n).padStart(24, 'a')}`,
)

/** How far a pending commit may be ahead of the repo. */
const MOST_AHEAD = 20

function someFacts(random: Random, did: string, n: number, known: Account | undefined): Facts {
  // Most accounts stay where they are; few have many hosts.
  const place = random.chance(0.9) ? did.length % 7 : random.int(70)
  const taken = {
    rawGeneration: 1 + random.int(2),
    rawOffset: n,
    host: `pds-${place}.example.com`,
    epoch: 1,
    seq: n,
  }
  const upstream = random.pick([null, null, null, 'active', 'deleted', 'odd-one'])
  const local = random.pick([null, null, null, 'takendown', 'active'] as const)
  // A pending commit goes out, and so is adopted, when an account becomes active; an active one has none.
  const mayHold = known !== undefined && !isActive(known) && upstream === null && local === null
  const hasRepo = random.chance(0.8) || !mayHold
  const at = mayHold ? n : n + MOST_AHEAD
  return {
    ...NO_FACTS,
    did,
    taken: random.chance(0.95) ? taken : null,
    moves: random.chance(0.1),
    repo: hasRepo ? { rev: rev(at), commit: cid(n), data: cid(n + 1) } : null,
    upstream,
    local,
    digest: random.chance(0.3) ? `${n}`.padEnd(random.pick([3, 22]), '-') : null,
    discontinuous: random.chance(0.1),
    synced: random.chance(0.2),
    pendingCommit:
      mayHold && random.chance(0.5)
        ? {
            rev: rev(n + random.int(MOST_AHEAD)),
            commit: cid(n),
            data: cid(n + 1),
            block: Uint8Array.of(n & 255),
          }
        : null,
  }
}

/** As far as it counts: an active account has no pending commit, and another only one that is newer than its repo. */
function pendingCommitOf(account: Account): PendingCommit | null {
  const { pendingCommit, rev: known } = account
  return isActive(account) || !pendingCommit || pendingCommit.rev <= (known ?? '') ? null : pendingCommit
}

describe(`the state with a small cache (TEST_SEED=${SEED})`, () => {
  for (const cacheBytes of [2_000, 20_000, 200_000]) {
    it(`is what a plain map says, over loads, changes, writes and evictions, in ${cacheBytes} bytes`, async () => {
      const random = new Random(SEED + cacheBytes)
      const database = new SlowDatabase()
      const state = new State(database, 100, cacheBytes)
      let round = 0
      const view = new View(database, state, 1, 0, () => round * 1_000)
      const model = new Map<string, Account>()
      const hosts = new Set(Array.from({ length: 70 }, (_, n) => `pds-${n}.example.com`))
      let writing: Promise<void> | undefined
      let seq = 0
      for (; round < 800; round++) {
        const dids = Array.from({ length: 1 + random.int(20) }, () => random.pick(DIDS))
        const loading = state.load(new Set(dids), hosts)
        // A batch of the view may be committed at any moment, also while accounts are being read.
        if (random.chance(0.4)) database.commit()
        await loading
        for (const did of dids) {
          const known = model.get(did)
          const found = state.account(did)
          expect(found).toEqual(
            known && {
              ...known,
              pendingCommit: found?.pendingCommit,
              untilMs: found?.untilMs,
              dirty: expect.any(Boolean),
            },
          )
          if (known !== undefined && found !== undefined)
            expect(pendingCommitOf(found)).toEqual(pendingCommitOf(known))
          if (random.chance(0.5)) continue
          const facts = someFacts(random, did, ++seq, known)
          const account = known ?? newAccount(did, seq, facts.taken?.host ?? '')
          model.set(did, account)
          applyFacts(account, facts)
          state.apply(facts, seq)
        }
        if (view.due(seq) && random.chance(0.5)) writing = view.flush(seq, round * 1_000)
        if (random.chance(0.1)) {
          database.commit()
          await writing
        }
      }
      database.commit()
      await writing
      const last = view.flush(++seq, 0)
      database.commit()
      await last
      expect(state.dirtyAccounts).toBe(0)
      const fresh = new State(database, 100, cacheBytes)
      for (const one of [state, fresh]) {
        await one.load(new Set(DIDS), hosts)
        for (const did of DIDS) {
          const known = model.get(did)
          const found = one.account(did)
          expect(found).toEqual(
            known && { ...known, pendingCommit: found?.pendingCommit, untilMs: undefined, dirty: false },
          )
          if (known !== undefined && found !== undefined)
            expect(pendingCommitOf(found)).toEqual(pendingCommitOf(known))
        }
      }
    })
  }

  it('invariant 12: keeps as many accounts as its bytes allow, however many pass by', async () => {
    const database = new SlowDatabase()
    const state = new State(database, 100, 40_000)
    const view = new View(database, state, 1, 0)
    for (let n = 1; n <= 5_000; n++) {
      const did = `did:plc:${String(n).padStart(24, 'a')}`
      await state.load(new Set([did]), new Set())
      state.apply({ ...NO_FACTS, did, repo: { rev: rev(n), commit: cid(n), data: cid(n) } }, n)
      const written = view.flush(n, n)
      database.commit()
      await written
    }
    expect(state.cachedAccounts).toBeGreaterThan(100)
    expect(state.cachedAccounts).toBeLessThan(40_000 / 150)
  })
})
