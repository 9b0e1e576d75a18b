/** What there is to say of a run, in the order in which it is said. `caughtUpMs`: after the last fault; -1: never. */
const KEYS = [
  'faults',
  'events',
  'virtualHours',
  'lives',
  'caughtUpMs',
  'lost',
  'doubled',
  'reordered',
  'different',
  'violations',
  'steps',
] as const

export type Summary = Readonly<Record<(typeof KEYS)[number], number>>

const LINE =
  /^simulation: seed \d+, (\d+) faults, (\d+) events, ([\d.]+) virtual hours, (\d+) lives, caught up after (-?\d+) ms, lost (\d+), doubled (\d+), reordered (\d+), different (\d+), violations (\d+), (\d+) steps$/m

export function summaryLine(seed: number, of: Summary): string {
  return `simulation: seed ${seed}, ${of.faults} faults, ${of.events} events, ${of.virtualHours.toFixed(2)} virtual hours, ${of.lives} lives, caught up after ${Math.round(of.caughtUpMs)} ms, lost ${of.lost}, doubled ${of.doubled}, reordered ${of.reordered}, different ${of.different}, violations ${of.violations}, ${of.steps} steps`
}

/** The summary in the output of a run; undefined: it did not come to its end. */
export function readSummary(output: string): Summary | undefined {
  const found = LINE.exec(output)
  return found === null ? undefined : summaryOf((_, i) => Number(found[i + 1]))
}

/** Several runs taken together: their sums, and the longest time to catch up. */
export function total(runs: readonly Summary[]): Summary {
  const sums = summaryOf((key) => runs.reduce((sum, run) => sum + run[key], 0))
  const times = runs.map(({ caughtUpMs }) => caughtUpMs)
  return { ...sums, caughtUpMs: Math.min(...times) < 0 ? -1 : Math.max(0, ...times) }
}

function summaryOf(value: (key: keyof Summary, i: number) => number): Summary {
  return Object.fromEntries(KEYS.map((key, i) => [key, value(key, i)])) as Summary
}
