import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../..')

/** A fault put into the product: a run with it has to find it. */
export interface Mutation {
  /** From the project's root. */
  readonly file: string
  /** Stands there once. */
  readonly from: string
  readonly to: string
}

/** A line each: a check left out, an order changed, a bound removed, a former fault of this project brought back. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'done-before-durable': {
    file: 'sequencer/src/sequencer.ts',
    from: "    crashPoint('before-append')\n",
    to: '    for (const entry of taken) if (entry.value.isHeartbeat !== true) verified.done(entry)\n',
  },
  'cursor-past-what-is-on-its-way': {
    file: 'crawler/src/cursor-tracker.ts',
    from: 'token.done = true',
    to: 'token.done = true; this.lowWater = token.seq',
  },
  'write-not-synced': {
    file: 'shared/embedded/src/log/segment-log.ts',
    from: 'if (isSynced) await file.writeDurably(part, at)',
    to: 'if (isSynced) await file.write(part, at)',
  },
  'repeats-taken-again': {
    file: 'sequencer/src/rules/decide.ts',
    from: "if (account !== undefined && isDuplicate(account, envelope)) return drop('already-taken')",
    to: 'isDuplicate',
  },
  'raw-positions-forgotten': {
    file: 'sequencer/src/rules/dedup.ts',
    from: 'return epoch < position.epoch || (epoch === position.epoch && hostSeq <= position.seq)',
    to: 'return epoch < position.epoch || (epoch === position.epoch && hostSeq < position.seq)',
  },
  'torn-tail-kept': {
    file: 'shared/embedded/src/log/recover.ts',
    from: 'await file.truncate(segment.end)',
    to: 'segment.end = size',
  },
  'log-not-replayed': {
    file: 'sequencer/src/replay-log.ts',
    from: '  for (const entry of facts) state.apply(entry.facts, entry.seq)\n',
    to: '',
  },
  'page-taken-for-the-directory': {
    file: 'verifier/src/identity/resolve.ts',
    from: "if (!web && read.reason === 'identity-malformed' && !isObject(reply.body))",
    to: 'if (!web && isObject(reply.body) && Number.isNaN(0))',
  },
  'errors-taken-for-answers': {
    file: 'verifier/src/identity/resolve.ts',
    from: 'const overloaded = reply.status === 429 || reply.status === 503',
    to: "const overloaded = false; if (reply.status >= 500) return { kind: 'unusable', reason: 'identity-not-found' }",
  },
  'rotated-keys-not-looked-up': {
    file: 'verifier/src/verifier.ts',
    from: "else if (verdict.reason === 'signature-invalid' || outcomes.isDoubtful(verdict.reason))",
    to: 'else if (outcomes.isDoubtful(verdict.reason))',
  },
  'clock-believed': {
    file: 'verifier/src/outcomes.ts',
    from: "return reason === 'rev-future' && this.#clock.isDoubted",
    to: "return reason === 'rev-future' && !this.#clock",
  },
  'full-disk-ends-the-process': {
    file: 'sequencer/src/log-writer.ts',
    from: 'error instanceof LogFullError',
    to: 'error instanceof RangeError',
  },
  'host-given-up': {
    file: 'crawler/src/host-report.ts',
    from: 'report.retryAtMs = nowMs + pauseMs',
    to: 'if (report.failures > 2) pauseMs = 86_400_000',
  },
  'subscriber-skips': {
    file: 'fanout/src/subscribe/subscriber.ts',
    from: 'this.next = batch.lastSeq + 1',
    to: "this.next = batch.lastSeq + 1 + (source === 'log' ? 1 : 0)",
  },
  'queue-out-of-order': {
    file: 'verifier/src/did-queues.ts',
    from: '    while (at > 0 && (queue.entries[at - 1] as QueuedFrame).raw.position > entry.raw.position) at--\n',
    to: '',
  },
  'view-ahead-of-its-rows': {
    file: 'sequencer/src/view.ts',
    from: '{ sql: UPSERT_ACCOUNT, rows: accounts.map(accountParams) },',
    to: '{ sql: UPSERT_ACCOUNT, rows: accounts.slice(1).map(accountParams) },',
  },
  'copy-begins-where-it-was-named': {
    file: 'shared/embedded/src/log/recover.ts',
    from: 'const isNamed = !isCopy && segments.length === 0',
    to: 'const isNamed = segments.length === 0',
  },
  'end-believed-before-epochs': {
    file: 'relay/src/cluster/raw-share.ts',
    from: 'const isBeyond = leaderEpoch === NO_EPOCH && offsetOf(position) > end',
    to: 'const isBeyond = offsetOf(position) > end',
  },
  'cursor-after-what-was-read': {
    file: 'crawler/src/frame-intake.ts',
    from: 'const { lowWater } = this.tracker',
    to: 'const lowWater = this.#report.lastSeq ?? this.tracker.lowWater',
  },
  'new-leader-begins-at-the-end': {
    file: 'relay/src/cluster/sequencer-inputs.ts',
    from: 'const { next, epoch } = taken[number] ?? { next: 0, epoch: NO_EPOCH }',
    to: 'const { next, epoch } = { next: positionOf(ends.get(number) ?? 0, 0), epoch: NO_EPOCH }; taken',
  },
  'position-past-what-is-open': {
    file: 'shared/cluster/src/bus/read-partition.ts',
    from: 'while (partition.open[0]?.left === 0) {',
    to: 'while (partition.open[0] !== undefined) {',
  },
}

/** Lets the file be loaded with the fault in it. Throws where the line is not there once: the list is out of date. */
export function mutate({ file, from, to }: Mutation): void {
  const path = join(ROOT, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(from).length !== 2) throw new Error(`${file} does not have once: ${from}`)
  const url = pathToFileURL(path).href
  registerHooks({
    load: (asked, context, next) =>
      asked === url
        ? { format: 'module-typescript', source: source.replace(from, () => to), shortCircuit: true }
        : next(asked, context),
  })
}
