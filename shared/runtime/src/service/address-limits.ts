import { hash, randomBytes } from 'node:crypto'
import { networkOf } from './parse-address.ts'
import type { Settings } from './settings.ts'

/** What is counted by address. */
export type Counted = 'connections' | 'subscriptions'

/** What the threads of a process share of the limits; may be handed to a worker. */
export interface SharedAddressLimits {
  readonly most: Readonly<Record<Counted, number>>
  /** Whether this machine's own addresses are not limited: a whole network is tried out on one machine. */
  readonly isLoopbackFree: boolean
  /** Not known outside, or somebody could aim at the counts of others. */
  readonly seed: string
  readonly counts: SharedArrayBuffer
}

/** Two rows of counts; an address has one in each. */
const ROW_BITS = 17
const ROW_SLOTS = 2 ** ROW_BITS

/** One connection or subscription, while it is counted. */
export interface Place {
  /** How many of its address there are, with it. */
  readonly count: number
  readonly isOver: boolean
  /** Twice as many as may be: those are not even answered. */
  readonly isFarOver: boolean
  leave(): void
}

/** Limits as the settings have them, with nobody counted yet. */
export function newAddressLimits(settings: Settings): SharedAddressLimits {
  return {
    most: {
      connections: settings.RELAY_CONNECTIONS_PER_ADDRESS,
      subscriptions: settings.RELAY_SUBSCRIBERS_PER_ADDRESS,
    },
    isLoopbackFree: settings.RELAY_ALLOW_PRIVATE_HOSTS,
    seed: randomBytes(16).toString('hex'),
    counts: new SharedArrayBuffer(2 * ROW_SLOTS * Int32Array.BYTES_PER_ELEMENT),
  }
}

/**
 * How many connections and subscriptions each address has, over all threads that serve: in memory of a fixed size,
 * whoever comes. Two addresses may meet in one count, hardly ever in both of theirs; the smaller one is taken.
 */
export class AddressLimits {
  readonly #shared: SharedAddressLimits
  readonly #counts: Int32Array

  constructor(shared: SharedAddressLimits) {
    this.#shared = shared
    this.#counts = new Int32Array(shared.counts)
  }

  /** Counts one more, also where it is over the limit: the caller lets go of it, then or later. */
  enter(what: Counted, address: string): Place {
    const { most, isLoopbackFree } = this.#shared
    if (isLoopbackFree && isLoopback(address)) return FREE
    const slots = this.#slots(`${what} ${networkOf(address)}`)
    const count = Math.min(...slots.map((slot) => Atomics.add(this.#counts, slot, 1) + 1))
    let isIn = true
    return {
      count,
      isOver: count > most[what],
      isFarOver: count > 2 * most[what],
      leave: () => {
        if (isIn) for (const slot of slots) Atomics.sub(this.#counts, slot, 1)
        isIn = false
      },
    }
  }

  #slots(name: string): number[] {
    const digest = hash('sha256', this.#shared.seed + name, 'buffer')
    return [0, 1].map((row) => row * ROW_SLOTS + (digest.readUInt32LE(4 * row) >>> (32 - ROW_BITS)))
  }
}

const FREE: Place = { count: 0, isOver: false, isFarOver: false, leave: () => undefined }

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}
