import { Random } from '@bgs/simnet/random.ts'
import { mutateBytes } from './mutate-bytes.ts'
import type { Target } from './target.ts'

/** No input may take longer to judge, on a machine that does other things as well. */
const MAX_INPUT_MS = 2_000
/** What a process may hold more of at the end of a run than soon after its beginning. */
const MAX_GROWTH_BYTES = 400 * 1024 * 1024
const WARM_INPUTS = 2_000
/** Few inputs are made of what is as large as this: they would take all the time there is. */
const LARGE_BYTES = 64 * 1024
const LARGE_SHARE = 0.02

/** How long a run goes on: whichever comes first. */
export interface Budget {
  readonly inputs: number
  readonly seconds: number
}

export interface Failure {
  readonly message: string
  /** Base64. */
  readonly input: string
}

export interface RunReport {
  readonly inputs: number
  /** How often each was given, the most frequent first. */
  readonly verdicts: Readonly<Record<string, number>>
  readonly slowestMicros: number
  readonly slowestBytes: number
  readonly grownMiB: number
  readonly failure: Failure | null
}

/** Feeds a target with inputs made from its seeds; `onInput` hears of each before it is tried. */
export async function runTarget(
  target: Target,
  seed: number,
  budget: Budget,
  onInput: (input: Uint8Array) => void = () => undefined,
): Promise<RunReport> {
  const random = new Random(seed)
  const mutate = target.mutate ?? ((bytes: Uint8Array) => mutateBytes(bytes, random, target.seeds))
  const end = performance.now() + budget.seconds * 1_000
  const verdicts = new Map<string, number>()
  let slowest = { ms: 0, bytes: 0 }
  let warmRss = process.memoryUsage.rss()
  let inputs = 0
  let failure: Failure | null = null
  while (failure === null && inputs < budget.inputs && performance.now() < end) {
    // First what is real, as it is.
    const input = target.seeds[inputs] ?? mutate(picked(target.seeds, random), random)
    onInput(input)
    const startedMs = performance.now()
    failure = await tried(target, input, verdicts)
    const ms = performance.now() - startedMs
    if (ms > slowest.ms) slowest = { ms, bytes: input.length }
    if (ms > MAX_INPUT_MS) failure ??= failed(`took ${Math.round(ms)} ms`, input)
    if (++inputs === WARM_INPUTS) warmRss = process.memoryUsage.rss()
  }
  const grown = inputs < WARM_INPUTS ? 0 : Math.max(0, process.memoryUsage.rss() - warmRss)
  if (grown > MAX_GROWTH_BYTES) failure ??= failed(`memory grew by ${grown} bytes`, new Uint8Array(0))
  return {
    inputs,
    verdicts: Object.fromEntries([...verdicts].toSorted(([, a], [, b]) => b - a)),
    slowestMicros: Math.round(slowest.ms * 1_000),
    slowestBytes: slowest.bytes,
    grownMiB: Math.round(grown / 2 ** 20),
    failure,
  }
}

/** Tries one input; null where all properties hold. */
export async function tried(
  target: Target,
  input: Uint8Array,
  verdicts: Map<string, number>,
): Promise<Failure | null> {
  try {
    const looked = target.look(input)
    // A promise for each frame would cost more than most frames do.
    const verdict = typeof looked === 'string' ? looked : await looked
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
    return null
  } catch (error) {
    return failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error), input)
  }
}

function failed(message: string, input: Uint8Array): Failure {
  return { message, input: Buffer.from(input).toString('base64') }
}

function picked(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  for (;;) {
    const seed = random.pick(seeds)
    if (seed.length < LARGE_BYTES || random.chance(LARGE_SHARE)) return seed
  }
}
