import { join } from 'node:path'
import { until } from '@bgs/testkit/until.ts'
import { startClusterServers } from '../cluster/servers.ts'
import { RealAccount } from './account.ts'
import { type AgentClass, importAgent } from './api.ts'
import { type ConsumerProgram, RealConsumer } from './consumer.ts'
import { installRealSoftware } from './install.ts'
import { Ledger } from './ledger.ts'
import { type RealPds, startPds } from './pds.ts'
import { type RealPlc, startPlc } from './plc.ts'
import { RealRelay } from './relay.ts'
import { RunFolder } from './run-folder.ts'

const SEEN_MS = 60_000

/**
 * The relay's own command between software of others: a PLC directory and two PDSes on one side, consumers on the
 * other, and people with accounts. Ends all it has started, also when the start fails half way.
 */
export class RealScene implements AsyncDisposable {
  readonly ledger = new Ledger()
  /** At the relay. */
  readonly consumers: RealConsumer[] = []
  readonly pdsA: RealPds
  readonly pdsB: RealPds
  readonly relay: RealRelay
  readonly #accounts = new Map<string, RealAccount>()
  readonly #Agent: AgentClass
  readonly #folder: RunFolder
  readonly #plc: RealPlc
  /** One consumer at each PDS, by its URL: what the relay was offered. */
  readonly #witnesses = new Map<string, RealConsumer>()
  readonly #stack: AsyncDisposableStack

  private constructor(
    software: { Agent: AgentClass; folder: RunFolder; plc: RealPlc },
    servers: { relay: RealRelay; pdsA: RealPds; pdsB: RealPds },
    stack: AsyncDisposableStack,
  ) {
    this.#Agent = software.Agent
    this.#folder = software.folder
    this.#plc = software.plc
    this.relay = servers.relay
    this.pdsA = servers.pdsA
    this.pdsB = servers.pdsB
    this.#stack = stack
  }

  /** The relay runs on the embedded log, or with all its roles on the servers of a cluster. */
  static async start(way: 'embedded' | 'cluster'): Promise<RealScene> {
    const software = await installRealSoftware()
    const Agent = await importAgent(software)
    await using stack = new AsyncDisposableStack()
    const env = way === 'cluster' ? stack.use(await startClusterServers()).env : {}
    const folder = stack.use(await RunFolder.create(software))
    const plc = await startPlc(folder)
    stack.use(plc.process)
    const relay = stack.use(await RealRelay.create(plc.url, join(folder.path, 'relay'), env))
    const pds = async (name: string) => {
      const started = await startPds(folder, name, plc.url, relay.url)
      stack.use(started.process)
      return started
    }
    const [pdsA, pdsB] = await together([pds('pds-a'), pds('pds-b'), relay.start()])
    const scene = new RealScene({ Agent, folder, plc }, { relay, pdsA, pdsB }, stack.move())
    try {
      const [sync, atcute, a, b] = await together([
        scene.#consumer('consume-atproto-sync.mjs', relay.url, '@atproto/sync'),
        scene.#consumer('consume-atcute.mjs', relay.url, '@atcute/firehose'),
        scene.#consumer('consume-atcute.mjs', pdsA.url, 'witness of PDS A'),
        scene.#consumer('consume-atcute.mjs', pdsB.url, 'witness of PDS B'),
      ])
      scene.consumers.push(sync, atcute)
      scene.#witnesses.set(pdsA.url, a).set(pdsB.url, b)
    } catch (error) {
      await scene[Symbol.asyncDispose]()
      throw error
    }
    return scene
  }

  async createAccounts(pds: RealPds, names: string[]): Promise<void> {
    for (const name of names)
      this.#accounts.set(name, await RealAccount.create(this.#Agent, pds, name, this.ledger))
  }

  at(name: string): RealAccount {
    const account = this.#accounts.get(name)
    if (account === undefined) throw new Error(`no account ${name}`)
    return account
  }

  get everyone(): RealAccount[] {
    return [...this.#accounts.values()]
  }

  /** Those who have an active account. */
  get present(): RealAccount[] {
    return this.everyone.filter(({ did }) => this.ledger.states.get(did)?.at(-1) === 'active')
  }

  /** A further consumer, which reads the relay from cursor 0. */
  async addConsumer(program: ConsumerProgram, name: string): Promise<void> {
    this.consumers.push(await this.#consumer(program, this.relay.url, name))
  }

  /** Waits until every consumer has been shown all that is in the ledger. */
  async everyConsumerSawAll(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.sawAll(this.ledger, SEEN_MS)))
  }

  /** Waits until the PDSes have shown directly all that is in the ledger. */
  async witnessesSawAll(): Promise<void> {
    const seen = () => [...this.#witnesses.values()].flatMap((witness) => witness.changes()).length
    await until('the witnesses have seen everything', () => seen() >= this.ledger.changes.length, SEEN_MS)
  }

  /** All that a PDS has said of an account. */
  offered(pds: RealPds, { did }: RealAccount): string[] {
    return this.#witnesses.get(pds.url)?.stories().get(did) ?? []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #consumer(program: ConsumerProgram, url: string, name: string): Promise<RealConsumer> {
    return this.#stack.use(await RealConsumer.start(this.#folder, program, url, this.#plc.url, name))
  }
}

/** As Promise.all, but settles only when all have: what is started while another fails is ended in order too. */
async function together<T extends readonly unknown[]>(
  tasks: {
    [K in keyof T]: Promise<T[K]>
  },
): Promise<T> {
  await Promise.allSettled(tasks)
  return (await Promise.all(tasks)) as unknown as T
}
