import type { Random } from '@bgs/simnet/random.ts'

/** Something that takes bytes from strangers. */
export interface Target extends AsyncDisposable {
  /** Real inputs: what is tried is made of them. */
  readonly seeds: readonly Uint8Array[]
  /** How an input is made of a seed; by default its bytes are changed. */
  readonly mutate?: (seed: Uint8Array, random: Random) => Uint8Array
  /** Feeds one input; resolves to the verdict in a word or two. Throws where a property does not hold. */
  readonly look: (input: Uint8Array) => string | Promise<string>
}

/** A property does not hold: the message says which. */
export class PropertyError extends Error {
  override name = 'PropertyError'
}
