import type { Database } from '@bgs/contract/database.ts'
import type { LogBounds } from '@bgs/contract/log/log.ts'
import { checkNoGap, GapError } from '@bgs/sequencer/replay-log.ts'

/** By compare-and-set: the view may have been written meanwhile. */
const MOVE_VIEW = 'UPDATE view SET position = $1 WHERE id = 1 AND position = $2'

/**
 * Looks whether the log still holds what the database lacks (invariant 5); with `acceptGap` gives up what it does not.
 * Resolves to an exit code. Throws FencedError where somebody wrote the view meanwhile.
 */
export async function giveUpGap(
  database: Database,
  { bounds, position }: { bounds: LogBounds; position: number },
  acceptGap: boolean,
  print: (text: string) => number,
  whole = 'nothing is to be repaired',
): Promise<number> {
  try {
    checkNoGap(bounds, position)
    return print(whole)
  } catch (error) {
    if (!(error instanceof GapError)) throw error
    if (!acceptGap) {
      print(error.message)
      return 1
    }
    await database.transaction([{ sql: MOVE_VIEW, rows: [[bounds.first - 1, position]], expect: 1 }])
    return print(`the database goes on from ${bounds.first}; given up: ${bounds.first - position - 1} seqs`)
  }
}
