import type { Database } from '@bgs/contract/database.ts'
import { SHOWN_STATE } from '@bgs/database/hosts/host-rows.ts'
import { wait } from '@bgs/runtime/service/wait.ts'
import type { SequencerMetrics } from '../metrics.ts'

const COUNT_EVERY_MS = 60_000
const STATES = ['active', 'idle', 'offline', 'throttled', 'banned', 'paused'] as const

const COUNT = `SELECT ${SHOWN_STATE} AS state,
    count(*) AS hosts, COALESCE(sum(account_count), 0) AS accounts, COALESCE(sum(throttled_count), 0) AS throttled,
    COALESCE(sum(CASE WHEN account_count - throttled_count >= account_limit THEN 1 ELSE 0 END), 0) AS full_hosts
  FROM hosts GROUP BY 1`
const RATE_THROTTLED = 'SELECT count(*) AS accounts FROM throttles'

type Row = Record<'hosts' | 'accounts' | 'throttled' | 'full_hosts', number> & { readonly state: string }

/** Counts the hosts of the whole cluster now and then, in one process of it: no crawler knows the others' hosts. */
export class HostStats {
  readonly #database: Database
  readonly #metrics: SequencerMetrics

  constructor(database: Database, metrics: SequencerMetrics) {
    this.#database = database
    this.#metrics = metrics
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.count()
      await wait(COUNT_EVERY_MS, signal)
    }
    this.#forget()
  }

  async count(): Promise<void> {
    const rows = await this.#database.query<Row>(COUNT)
    const [rateThrottled] = await this.#database.query<{ accounts: number }>(RATE_THROTTLED)
    const { knownHosts, fullHosts, accounts, throttledAccounts } = this.#metrics
    const sum = (what: Exclude<keyof Row, 'state'>) =>
      rows.reduce((total, row) => total + Number(row[what]), 0)
    for (const status of STATES)
      knownHosts.set({ status }, Number(rows.find(({ state }) => state === status)?.hosts ?? 0))
    fullHosts.set(sum('full_hosts'))
    accounts.set(sum('accounts'))
    throttledAccounts.set({ cause: 'limit' }, sum('throttled'))
    throttledAccounts.set({ cause: 'conduct' }, Number(rateThrottled?.accounts ?? 0))
  }

  /** Another process may count from here on. */
  #forget(): void {
    const { knownHosts, fullHosts, accounts, throttledAccounts } = this.#metrics
    for (const gauge of [knownHosts, fullHosts, accounts, throttledAccounts]) gauge.reset()
  }
}
