import type { LogBounds } from '@bgs/contract/log/log.ts'

/** Where a subscription begins, or why it does not. */
export type Start =
  | { readonly kind: 'from'; readonly seq: number; readonly how: 'live' | 'cursor' | 'window' | 'outdated' }
  | { readonly kind: 'future' }
  /** What it asks for is still on its way to this node. */
  | { readonly kind: 'filling' }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * Where the subscriber with this `cursor` parameter begins (protocol.md Q2–Q5): exclusive; absent is live; 0 is the
 * whole window; older than the window is the whole window with a word about it; newer than the newest is refused, and so is one from
 * which on not all is here yet.
 */
export function startOf(cursor: string | null, bounds: LogBounds): Start {
  if (cursor === null) return { kind: 'from', seq: bounds.next, how: 'live' }
  const after = Number(cursor)
  if (!/^\d{1,16}$/.test(cursor) || !Number.isSafeInteger(after))
    return { kind: 'invalid', message: 'cursor must be a whole number from 0 to 9007199254740991' }
  // Neither a gap nor an OutdatedCursor for what the log still has (invariant 15): it is to come back, or ask another node.
  if (bounds.filling && after + 1 < bounds.first) return { kind: 'filling' }
  if (after === 0) return { kind: 'from', seq: bounds.first, how: 'window' }
  if (after >= bounds.next) return { kind: 'future' }
  if (after + 1 >= bounds.first) return { kind: 'from', seq: after + 1, how: 'cursor' }
  return { kind: 'from', seq: bounds.first, how: bounds.evicted ? 'outdated' : 'cursor' }
}
