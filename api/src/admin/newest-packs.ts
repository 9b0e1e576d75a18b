import type { LogReader } from '@bgs/contract/log/log.ts'
import type { Pack } from '@bgs/contract/log/pack.ts'

const READ_BYTES = 512 * 1024
/** How far back is looked first, in seqs; further where nothing stands there. */
const FIRST_STEP = 64

/**
 * The packs of a log from the newest back, some of them at a time, oldest first. Seqs have gaps, of thousands with each
 * append in a cluster and of millions after a crash: how many events lie between two of them nobody can say without looking.
 */
export async function* newestPacks(log: Pick<LogReader, 'bounds' | 'read'>): AsyncGenerator<Pack[]> {
  let end = log.bounds().next
  let step = FIRST_STEP
  for (;;) {
    const { first } = log.bounds()
    const found = await packsBefore(log, first, end, step)
    if (found === undefined) return
    yield found.packs
    // A log's packs lie about as far from each other as those before them.
    step = Math.max(FIRST_STEP, found.step)
    end = (found.packs[0] as Pack).firstSeq
  }
}

/** Packs right before `end`, as many as one read gives; undefined: there are none. */
async function packsBefore(
  log: Pick<LogReader, 'read'>,
  first: number,
  end: number,
  firstStep: number,
): Promise<{ packs: Pack[]; step: number } | undefined> {
  // Something begins at `low` or behind it, if that is known; nothing from `high` to `end`.
  let low: number | undefined
  let high = end
  let step = firstStep
  for (;;) {
    const at = low === undefined ? Math.max(first, end - step) : Math.floor((low + high) / 2)
    const packs = (await log.read(at, READ_BYTES)).filter(({ firstSeq }) => firstSeq < end)
    const last = packs.at(-1)
    if (last === undefined) {
      if (at <= first) return undefined
      high = at
      step *= 2
      continue
    }
    const [next] = await log.read(last.lastSeq + 1, 1)
    if (next === undefined || next.firstSeq >= end) return { packs, step: end - at }
    // It is too far back for one read.
    low = last.lastSeq + 1
  }
}
