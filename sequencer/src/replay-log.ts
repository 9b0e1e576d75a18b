import type { Database } from '@bgs/contract/database.ts'
import { decodeFacts, type Facts } from '@bgs/contract/envelope/facts.ts'
import type { Log, LogBounds } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'
import { StartupError } from '@bgs/contract/startup-error.ts'
import type { State } from './state/state.ts'
import { MAX_DIRTY, View } from './view.ts'

const READ_BYTES = 4 * 1024 * 1024

/** The log no longer holds what the database lacks (invariant 5); the message says what repair would cost. */
export class GapError extends StartupError {
  override name = 'GapError'
  readonly code = 'gap'
}

/** Throws GapError where entries between the view's position and the log's floor are gone. */
export function checkNoGap(bounds: LogBounds, position: number): void {
  // A log without entries holds nothing that the database lacks: seq goes on above what the database has seen.
  if (!bounds.evicted || bounds.first === bounds.next || position + 1 >= bounds.first) return
  throw new GapError(
    `the database knows the log up to ${position}, the log begins at ${bounds.first}: what ` +
      `${bounds.first - position - 1} seqs changed is lost to it. \`repair --accept-gap\` goes on from the log's ` +
      `beginning; accounts that changed in between are taken up again with their next event`,
  )
}

/**
 * Brings the state up to the end of the log: database as of its position, then every entry behind it (invariant 5).
 * Resolves to the view and the number of entries replayed. Throws GapError, and where `signal` interrupts.
 */
export async function replayLog(
  log: Log,
  database: Database,
  state: State,
  position: number,
  signal = new AbortController().signal,
): Promise<{ view: View; replayed: number }> {
  const bounds = log.bounds()
  checkNoGap(bounds, position)
  const view = new View(database, state, log.generation, position)
  let replayed = 0
  let at = Math.max(position + 1, bounds.first)
  for (;;) {
    signal.throwIfAborted()
    const batches = await log.read(at, READ_BYTES)
    for (const batch of batches) {
      replayed += await replay(batch, at, state)
      at = batch.lastSeq + 1
      if (state.dirtyAccounts >= MAX_DIRTY) await view.flush(at - 1, Date.now())
    }
    if (batches.length === 0) break
  }
  if (at - 1 > view.position) await view.flush(at - 1, Date.now())
  return { view, replayed }
}

async function replay(batch: LogBatch, from: number, state: State): Promise<number> {
  const facts: { seq: number; facts: Facts }[] = []
  let seq = batch.firstSeq
  for (const bytes of batch.facts()) {
    if (seq >= from) facts.push({ seq, facts: decodeFacts(bytes) })
    seq++
  }
  await loadFor(
    state,
    facts.map((entry) => entry.facts),
  )
  for (const entry of facts) state.apply(entry.facts, entry.seq)
  return facts.length
}

/** Loads what applying these facts touches. */
async function loadFor(state: State, all: readonly Facts[]): Promise<void> {
  const dids = new Set<string>()
  const hosts = new Set<string>()
  for (const { did, taken, host } of all) {
    if (did !== '') dids.add(did)
    if (taken !== null) hosts.add(taken.host)
    if (host !== null) hosts.add(host.host)
  }
  await state.load(dids, hosts)
}
