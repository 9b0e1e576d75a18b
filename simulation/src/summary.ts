/** What there is to say of a run, or of several, in one line. */
export interface Summary {
  readonly faults: number
  readonly events: number
  readonly virtualHours: number
  readonly lives: number
  /** After the last fault, the longest of several; -1: never. */
  readonly caughtUpMs: number
  readonly lost: number
  readonly doubled: number
  readonly reordered: number
  readonly different: number
  readonly violations: number
  readonly steps: number
}

const LINE =
  /^simulation: seed \d+, (\d+) faults, (\d+) events, ([\d.]+) virtual hours, (\d+) lives, caught up after (-?\d+) ms, lost (\d+), doubled (\d+), reordered (\d+), different (\d+), violations (\d+), (\d+) steps$/m

export function summaryLine(seed: number, of: Summary): string {
  return `simulation: seed ${seed}, ${of.faults} faults, ${of.events} events, ${of.virtualHours.toFixed(2)} virtual hours, ${of.lives} lives, caught up after ${Math.round(of.caughtUpMs)} ms, lost ${of.lost}, doubled ${of.doubled}, reordered ${of.reordered}, different ${of.different}, violations ${of.violations}, ${of.steps} steps`
}

/** The summary in the output of a run; undefined: it did not come to its end. */
export function readSummary(output: string): Summary | undefined {
  const found = LINE.exec(output)
  if (found === null) return undefined
  const [
    faults,
    events,
    virtualHours,
    lives,
    caughtUpMs,
    lost,
    doubled,
    reordered,
    different,
    violations,
    steps,
  ] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    faults,
    events,
    virtualHours,
    lives,
    caughtUpMs,
    lost,
    doubled,
    reordered,
    different,
    violations,
    steps,
  }
}

/** Two runs taken together. */
export function add(a: Summary, b: Summary): Summary {
  return {
    faults: a.faults + b.faults,
    events: a.events + b.events,
    virtualHours: a.virtualHours + b.virtualHours,
    lives: a.lives + b.lives,
    caughtUpMs: Math.min(a.caughtUpMs, b.caughtUpMs) < 0 ? -1 : Math.max(a.caughtUpMs, b.caughtUpMs),
    lost: a.lost + b.lost,
    doubled: a.doubled + b.doubled,
    reordered: a.reordered + b.reordered,
    different: a.different + b.different,
    violations: a.violations + b.violations,
    steps: a.steps + b.steps,
  }
}
