import type { Random } from '@bgs/simnet/random.ts'
import type { Scene } from './scene.ts'

/** One thing that goes wrong. It is over when the promise resolves, to what it was. */
export interface Fault<S extends Scene> {
  /** How often it comes, relative to the others. */
  readonly weight: number
  readonly act: (scene: S, random: Random) => Promise<string>
}

/** The faults of a scenario, by their names. */
export type Faults<S extends Scene> = Readonly<Record<string, Fault<S>>>

/** What goes wrong when. */
export interface Planned {
  readonly number: number
  readonly atMs: number
  readonly kind: string
  readonly seed: number
}

/** Faults spread over the time, drawn before anything runs: leaving some out leaves the others as they are. */
export function plan<S extends Scene>(
  table: Faults<S>,
  random: Random,
  { faults, minutes }: { readonly faults: number; readonly minutes: number },
): Planned[] {
  const kinds = Object.entries(table)
  const all = kinds.reduce((sum, [, { weight }]) => sum + weight, 0)
  const times = Array.from({ length: faults }, () => random.float() * minutes * 60_000).sort((a, b) => a - b)
  return times.map((atMs, i) => {
    let left = random.float() * all
    const [kind = ''] =
      kinds.find(([, { weight }]) => {
        left -= weight
        return left < 0
      }) ??
      kinds[0] ??
      []
    return { number: i + 1, atMs, kind, seed: random.uint32() }
  })
}
