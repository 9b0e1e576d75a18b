import { hashDid } from '@bgs/contract/bus/partition.ts'
import { encodeFacts } from '@bgs/contract/envelope/facts.ts'
import { batchBytes, type LogEntry } from '@bgs/contract/log/log-batch.ts'
import type { Append } from './rules/decision.ts'
import { syncOfPending } from './rules/pending-commit.ts'
import { type Account, isActive } from './state/account.ts'
import type { State } from './state/state.ts'

/** Entries and bytes of one append at which it is full: what then comes goes into the next one. */
const FULL_ENTRIES = 1_000
const FULL_BYTES = 2 * 1024 * 1024

/**
 * Entries of one append in the making: facts are applied as they are added, so that the next event sees them. Bounded by
 * what is written, not by what came in: one event may bring a status and a pending commit of 10 KB along (S2).
 */
export class Appends {
  readonly entries: LogEntry[] = []
  readonly firstSeq: number
  readonly outcomes = new Map<string, number>()
  #bytes = 0

  /** `firstSeq` is that of the first entry. */
  constructor(firstSeq: number) {
    this.firstSeq = firstSeq
  }

  /** Whether no further event is to be added. One event adds at most four entries and its own frame to a full one. */
  get isFull(): boolean {
    return this.entries.length >= FULL_ENTRIES || this.#bytes >= FULL_BYTES
  }

  /** S2: what an account that has just become active again was not let say. */
  addPendingCommit(account: Account, state: State, nowMs: number): void {
    if (!account.pendingCommit || !isActive(account)) return
    const sync = syncOfPending(account, nowMs)
    if (sync !== null) this.add(sync, state)
  }

  /** Adds an entry with those that follow from it. Throws, with nothing added, where one cannot be written. */
  add(append: Append, state: State): void {
    const made: { append: Append; entry: LogEntry }[] = []
    for (let next: Append | undefined = append; next !== undefined; next = next.next)
      made.push({ append: next, entry: entryOf(next) })
    for (const { append: one, entry } of made) {
      state.apply(one.facts, this.firstSeq + this.entries.length)
      this.entries.push(entry)
      this.#bytes += batchBytes([entry])
      const key = `${one.kind} ${one.outcome}`
      this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1)
    }
  }
}

function entryOf({ kind, facts, frame, seqAt }: Append): LogEntry {
  return { kind, didHash: facts.did === '' ? 0 : hashDid(facts.did), facts: encodeFacts(facts), frame, seqAt }
}
