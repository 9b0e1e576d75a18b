import type { ClusterView } from './cluster-view.ts'

/** Where a broker listens, and what it tells clients of itself. */
export interface BrokerAddress {
  readonly id: number
  readonly host: string
  /** 0: whichever is free when it is first opened. */
  readonly port: number
  /** Further listeners: each tells its clients of another port, at which something stands between. */
  readonly ways?: readonly { readonly port: number; readonly advertised: number }[]
}

/** How a broker is now. */
export interface BrokerMood {
  /** Each request waits so long before anything is done with it, ms. */
  slowMs: number
  /** What it says of its quota: after each answer it reads nothing more of the connection for so long (KIP-219), ms. */
  throttleMs: number
  /** Fetches find nothing, whatever there is. */
  isBlind: boolean
  /** So many produce requests are carried out, and answered by the end of the connection. */
  lostAnswers: number
}

/** One broker: whether it is there, how it is, and what it knows of the others. */
export class Broker {
  readonly id: number
  readonly host: string
  readonly ways: readonly { readonly port: number; readonly advertised: number }[]
  port: number
  /** Its process runs. */
  isUp = false
  /** The controller takes it for alive: it may lead. */
  isRegistered = false
  /** Starts so far. */
  incarnation = 0
  readonly mood: BrokerMood = { slowMs: 0, throttleMs: 0, isBlind: false, lostAnswers: 0 }
  /** What it knew when it last heard of the cluster; undefined: it knows how things are. */
  frozen: ClusterView | undefined
  #hung: PromiseWithResolvers<void> | undefined
  #thawed: PromiseWithResolvers<void> | undefined

  constructor({ id, host, port, ways = [] }: BrokerAddress) {
    this.id = id
    this.host = host
    this.port = port
    this.ways = ways
  }

  /** It runs and does something. */
  get isAtWork(): boolean {
    return this.isUp && !this.isHung
  }

  get isHung(): boolean {
    return this.#hung !== undefined
  }

  /** Port that it tells the clients of one of its listeners; -1 is the first. */
  advertised(way: number): number {
    return this.ways[way]?.advertised ?? this.port
  }

  hang(): void {
    this.#hung ??= Promise.withResolvers()
  }

  wake(): void {
    this.#hung?.resolve()
    this.#hung = undefined
  }

  freeze(view: ClusterView): void {
    this.frozen ??= view
    this.#thawed ??= Promise.withResolvers()
  }

  thaw(): void {
    this.frozen = undefined
    this.#thawed?.resolve()
    this.#thawed = undefined
  }

  /** Resolves when it does something again, and has heard of the cluster if `knowing`. */
  async ready(knowing = false): Promise<void> {
    while (this.#hung !== undefined) await this.#hung.promise
    if (!knowing || this.#thawed === undefined) return
    await this.#thawed.promise
    await this.ready(knowing)
  }
}
