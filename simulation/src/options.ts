import { parseArgs } from 'node:util'
import { MUTATIONS, type Mutation } from './mutations.ts'

const SCENARIOS = ['embedded', 'hostile', 'cluster'] as const
export type ScenarioName = (typeof SCENARIOS)[number]

export interface Options {
  readonly seed: number
  readonly faults: number
  readonly minutes: number
  readonly eventsPerSecond: number
  readonly patienceMinutes: number
  readonly scenario: ScenarioName
  readonly only: ReadonlySet<number> | undefined
  readonly mutation: Mutation | undefined
  readonly shrink: boolean
  readonly runs: number
}

/** Above the minute for which the frames of a DID may wait for a look at its document (C8), and the longest backoff (H3). */
const PATIENCE_MINUTES = '65'

export const USAGE = `usage: npm run simulate -- [--seed N] [--faults N] [--minutes N] [--rate N] [--scenario ${SCENARIOS.join('|')}]
  --seed      the same seed gives the same run; default any
  --faults    things that go wrong; default 200
  --minutes   of virtual time, within which they do; default a minute for each ten of them
  --rate      events a second that hosts offer; default 20
  --patience  minutes after the last fault within which all has to be through; default ${PATIENCE_MINUTES}
  --mutation  a fault put into the product, which the run has to find: ${Object.keys(MUTATIONS).join(', ')}
  --only      numbers of the faults that are to happen, with commas; the others do not
  --runs      so many runs, with this seed and those that follow it, as many at once as there are cores; default 1
  --shrink    where something is wrong, leave faults out as long as it stays so
`

/** Options of the command line, or what is wrong with them. */
export function readOptions(args: readonly string[]): Options | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
        faults: { type: 'string', default: '200' },
        minutes: { type: 'string' },
        rate: { type: 'string', default: '20' },
        patience: { type: 'string', default: PATIENCE_MINUTES },
        scenario: { type: 'string', default: 'embedded' },
        only: { type: 'string' },
        mutation: { type: 'string' },
        shrink: { type: 'boolean', default: false },
        runs: { type: 'string', default: '1' },
      },
    })
    const scenario = SCENARIOS.find((name) => name === values.scenario)
    if (scenario === undefined)
      return { problem: `--scenario: there is no ${values.scenario}, only ${SCENARIOS.join(', ')}` }
    const mutation = values.mutation === undefined ? undefined : MUTATIONS[values.mutation]
    if (values.mutation !== undefined && mutation === undefined)
      return { problem: `--mutation: there is no ${values.mutation}` }
    const faults = whole('faults', values.faults, 0)
    return {
      seed: whole('seed', values.seed, 0),
      faults,
      minutes: positive('minutes', values.minutes ?? String(Math.max(1, faults / 10))),
      eventsPerSecond: positive('rate', values.rate),
      patienceMinutes: positive('patience', values.patience),
      scenario,
      mutation,
      shrink: values.shrink,
      runs: whole('runs', values.runs, 1),
      only:
        values.only === undefined
          ? undefined
          : new Set(
              values.only
                .split(',')
                .filter(Boolean)
                .map((number) => whole('only', number, 1)),
            ),
    }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** The same arguments without these options. */
export function without(args: readonly string[], ...names: readonly string[]): string[] {
  const left: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    const name = names.find((one) => arg === `--${one}` || arg.startsWith(`--${one}=`))
    if (name === undefined) left.push(arg)
    else if (arg === `--${name}`) i++
  }
  return left
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value
  throw new RangeError(`--${name}: ${text} is no whole number from ${least} on`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new RangeError(`--${name}: ${text} is no number above 0`)
}
