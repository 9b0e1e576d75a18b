import type { LogReader } from '@bgs/contract/log/log.ts'
import type { LogBatch } from '@bgs/contract/log/log-batch.ts'

const READ_BYTES = 512 * 1024
/** How far back is looked first, in seqs; further where nothing stands there. */
const FIRST_STEP = 64

/**
 * The batches of a log from the newest back, some of them at a time, oldest first. Seqs have gaps, of thousands with each
 * append in a cluster and of millions after a crash: how many events lie between two of them nobody can say without looking.
 */
export async function* newestBatches(log: Pick<LogReader, 'bounds' | 'read'>): AsyncGenerator<LogBatch[]> {
  let end = log.bounds().next
  let step = FIRST_STEP
  for (;;) {
    const { first } = log.bounds()
    const found = await batchesBefore(log, first, end, step)
    if (found === undefined) return
    yield found.batches
    // A log's batches lie about as far from each other as those before them.
    step = Math.max(FIRST_STEP, found.step)
    end = (found.batches[0] as LogBatch).firstSeq
  }
}

/** Batches right before `end`, as many as one read gives; undefined: there are none. */
async function batchesBefore(
  log: Pick<LogReader, 'read'>,
  first: number,
  end: number,
  firstStep: number,
): Promise<{ batches: LogBatch[]; step: number } | undefined> {
  // Something begins at `low` or behind it, if that is known; nothing from `high` to `end`.
  let low: number | undefined
  let high = end
  let step = firstStep
  for (;;) {
    const at = low === undefined ? Math.max(first, end - step) : Math.floor((low + high) / 2)
    const batches = (await log.read(at, READ_BYTES)).filter(({ firstSeq }) => firstSeq < end)
    const last = batches.at(-1)
    if (last === undefined) {
      if (at <= first) return undefined
      high = at
      step *= 2
      continue
    }
    const [next] = await log.read(last.lastSeq + 1, 1)
    if (next === undefined || next.firstSeq >= end) return { batches, step: end - at }
    // It is too far back for one read.
    low = last.lastSeq + 1
  }
}
