import { readFileSync } from 'node:fs'

/** Something with processes of its own. */
export interface Metered {
  readonly cpuSeconds: () => number
}

/** CPU that processes have used since a moment. */
export class Meter<Name extends string> {
  readonly #processes: Readonly<Record<Name, Metered>>
  readonly #since: Record<string, number>
  readonly #busySince = busySeconds()
  readonly #ownSince = process.cpuUsage()
  readonly #sinceMs = performance.now()

  constructor(processes: Readonly<Record<Name, Metered>>) {
    this.#processes = processes
    this.#since = this.#read()
  }

  /**
   * CPU seconds of each since then, and how many cores others on this machine have used meanwhile: figures taken
   * while that is not near 0 are worth little.
   */
  read(): Record<Name, number> & { readonly otherCores: number } {
    const seconds = (performance.now() - this.#sinceMs) / 1_000
    const busy = busySeconds() - this.#busySince
    const { user, system } = process.cpuUsage(this.#ownSince)
    const used: Record<string, number> = {}
    let all = (user + system) / 1e6
    for (const [name, now] of Object.entries(this.#read())) {
      used[name] = now - (this.#since[name] ?? 0)
      all += used[name]
    }
    const otherCores = Math.max(0, Math.round(((busy - all) / seconds) * 100) / 100)
    return { ...(used as Record<Name, number>), otherCores }
  }

  #read(): Record<string, number> {
    const processes = Object.entries(this.#processes) as [string, Metered][]
    return Object.fromEntries(processes.map(([name, one]) => [name, one.cpuSeconds()]))
  }
}

/** CPU seconds that all cores together have worked so far. */
function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [user, nice, system, , , irq, softirq] = line.trim().split(/\s+/).slice(1).map(Number) as number[]
  return [user, nice, system, irq, softirq].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) / 100
}
