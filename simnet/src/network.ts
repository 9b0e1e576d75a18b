import { setTimeout as delay } from 'node:timers/promises'
import { SimAccount } from './account.ts'
import { didOf, type SimEvent } from './events.ts'
import { HostileHost } from './hostile.ts'
import { StreamModel } from './model.ts'
import { type InactiveStatus, SimPds } from './pds.ts'
import type { HostedAccount } from './pds-xrpc.ts'
import { PlcDirectory } from './plc.ts'
import { Random } from './random.ts'
import type { Curve } from './sim-key.ts'

export interface NetworkOptions {
  seed: number
  hosts: number
  accountsPerHost: number
  /** Share of accounts with a P-256 key; default a quarter. */
  p256Share?: number
  /** Share of accounts whose document shows the key in the 2019 form; default a tenth. */
  legacyKeyShare?: number
  plcPort?: number
  /** Ports of the hosts in order; free ones where left out. */
  pdsPorts?: number[]
}

/** Where an account lives. */
export interface Resident {
  account: SimAccount
  pds: SimPds
  state: 'active' | 'deactivated' | 'deleted'
}

/**
 * A PLC directory, hosts and accounts, and the model of what a relay should make of them. Everything that changes
 * an account goes through here, one thing at a time per account, so that the model knows what to expect.
 */
export class SimNetwork {
  readonly random: Random
  readonly plc: PlcDirectory
  readonly hosts: SimPds[] = []
  readonly hostiles: HostileHost[] = []
  readonly residents = new Map<string, Resident>()
  readonly model = new StreamModel()
  private readonly queues = new Map<string, Promise<unknown>>()
  /** Hosts that each account has left, and which said farewell to it. */
  private readonly left = new Map<string, Set<SimPds>>()
  private readonly options: NetworkOptions

  private constructor(options: NetworkOptions, plc: PlcDirectory) {
    this.options = options
    this.plc = plc
    this.random = new Random(options.seed)
  }

  static async start(options: NetworkOptions): Promise<SimNetwork> {
    const plc = await PlcDirectory.start(options.plcPort === undefined ? {} : { port: options.plcPort })
    const network = new SimNetwork(options, plc)
    for (let i = 0; i < options.hosts; i++) {
      const port = options.pdsPorts?.[i]
      const pds = await network.addHost(port)
      for (let j = 0; j < options.accountsPerHost; j++) await network.createAccount(pds)
    }
    return network
  }

  /** Settings under which a relay crawls this network. */
  relayEnv(): { RELAY_PLC_URL: string; RELAY_HOSTS: string; RELAY_ALLOW_PRIVATE_HOSTS: string } {
    return {
      RELAY_PLC_URL: this.plc.url,
      RELAY_HOSTS: [...this.hosts, ...this.hostiles].map((pds) => pds.endpoint).join(','),
      RELAY_ALLOW_PRIVATE_HOSTS: 'true',
    }
  }

  async addHost(port?: number): Promise<SimPds> {
    const onEvent = (event: SimEvent, _seq: number, pds: SimPds) => this.record(event, pds)
    const onStatusAnswer = (did: string, pds: SimPds) => this.recordAnswer(did, pds)
    const pds = await SimPds.start({ onEvent, onStatusAnswer, ...(port === undefined ? {} : { port }) })
    this.hosts.push(pds)
    return pds
  }

  /**
   * A host that can misbehave, not in `hosts`: its accounts are no residents. Their creations are expected, unless nothing
   * that they send is to be checked.
   */
  async addHostileHost({ isChecked = true } = {}): Promise<HostileHost> {
    const onEvent = (event: SimEvent, _seq: number, pds: SimPds) => this.record(event, pds)
    const foreign = this.residents.values().next().value?.account
    const host = await HostileHost.start({
      plc: this.plc,
      onEvent,
      onAccount: ({ did }) => {
        if (!isChecked) this.model.unchecked.add(did)
      },
      ...(foreign === undefined ? {} : { foreign }),
    })
    this.hostiles.push(host)
    return host
  }

  /** A new account with its document and its four first events. */
  async createAccount(pds: SimPds): Promise<SimAccount> {
    const { p256Share = 0.25, legacyKeyShare = 0.1 } = this.options
    const curve: Curve = this.random.chance(p256Share) ? 'p256' : 'k256'
    const keyForm = this.random.chance(legacyKeyShare) ? 'legacy' : 'multikey'
    const name = `user${this.residents.size}`
    const account = await SimAccount.create({ random: this.random.fork(name), handle: `${name}.test`, curve })
    this.plc.registerAccount(account, pds.endpoint, keyForm)
    this.residents.set(account.did, { account, pds, state: 'active' })
    await pds.createAccount(account)
    return account
  }

  resident(did: string): Resident {
    const resident = this.residents.get(did)
    if (resident === undefined) throw new Error(`${did} does not live in this network`)
    return resident
  }

  /** Makes a commit of the account and sends it from where it lives then. */
  commit(did: string, write: (account: SimAccount) => ReturnType<SimAccount['post']>): Promise<number> {
    return this.exclusively(did, async ({ account, pds }) => pds.commit(await write(account)))
  }

  /** The document gets the new handle, then the host says so. */
  changeHandle(did: string, handle: string): Promise<void> {
    return this.exclusively(did, ({ account, pds }) => {
      this.model.allowOwnIdentity(did)
      account.handle = handle
      this.plc.update(did, { handle })
      pds.announceIdentity(did, handle)
    })
  }

  /** The document gets the new key, then the host sends #identity and a re-signed #sync (P-PDS, D7). */
  rotateKey(did: string, curve?: Curve): Promise<void> {
    return this.exclusively(did, async ({ account, pds }) => {
      const sync = await account.rotateKey(curve)
      this.model.excuseInFlight(did)
      this.model.allowOwnIdentity(did)
      this.plc.update(did, { key: account.key })
      pds.announceRotation(account, sync)
    })
  }

  /**
   * The whole move of D10: import at the new host, new key and endpoint in the document, activation there, and at
   * last the old host's #account deactivated, which has no authority any more. It waits for a directory that is behind:
   * for as long as that names the old host, nobody can tell that its word no longer counts.
   *
   * A relay may judge that word late, as it does where it gives the directory time:
   * 1. The account moves from A to B. A relay that knows A waits, and with it what A and B say.
   * 2. The account moves back to A. Now the relay looks, and finds A.
   * 3. The farewell of A from 1 is A's own word by then, and A's activation comes behind it.
   */
  migrate(did: string, target: SimPds): Promise<void> {
    return this.exclusively(did, async (resident) => {
      const { account, pds: former } = resident
      if (former === target) return
      target.host(account, false)
      await account.rotateKey()
      this.model.excuseInFlight(did)
      this.model.allowOwnIdentity(did)
      this.plc.update(did, { pds: target.endpoint, key: account.key })
      resident.pds = target
      const left = this.left.get(did) ?? new Set()
      if (left.has(target)) {
        const body = { did, active: false, status: 'deactivated' }
        this.model.expect({ type: '#account', body }, { host: target.hostname, optional: true })
      }
      await target.activate(did)
      if (this.plc.lagMs > 0) await delay(2 * this.plc.lagMs)
      former.deactivate(did)
      this.left.set(did, left.add(former))
    })
  }

  deactivate(did: string, status: InactiveStatus = 'deactivated'): Promise<void> {
    return this.exclusively(did, (resident) => {
      resident.state = 'deactivated'
      resident.pds.setStatus(did, status)
    })
  }

  reactivate(did: string): Promise<void> {
    return this.exclusively(did, async (resident) => {
      resident.state = 'active'
      await resident.pds.activate(did)
    })
  }

  /** The account's older events vanish from the host's backfill, so what is not through yet may never come. */
  deleteAccount(did: string): Promise<void> {
    return this.exclusively(did, (resident) => {
      resident.state = 'deleted'
      this.model.excuseInFlight(did)
      resident.pds.delete(did)
    })
  }

  /** Waits until every change asked for so far has been made. */
  async idle(): Promise<void> {
    await Promise.all(this.queues.values())
  }

  async close(): Promise<void> {
    await this.idle()
    await Promise.all([this.plc.close(), ...[...this.hosts, ...this.hostiles].map((pds) => pds.close())])
  }

  /** Only the host that the document names has authority (G5); what others say must not come out. */
  private record(event: SimEvent, pds: SimPds): void {
    const did = didOf(event)
    if (this.model.unchecked.has(did)) return
    if (this.plc.has(did) && this.plc.get(did).pds === pds.endpoint)
      this.model.expect(event, { host: pds.hostname })
  }

  /**
   * A host may tell of a status before its event is read: the relay says it then, and again when the event comes. What
   * the document's host did not say itself must not come out.
   */
  private recordAnswer(did: string, pds: SimPds): void {
    if (!this.plc.has(did) || this.plc.get(did).pds !== pds.endpoint) return
    const { active, status } = pds.accounts.get(did) as HostedAccount
    this.model.allowOwnAccount(did, { active, ...(status === undefined ? {} : { status }) })
  }

  private exclusively<T>(did: string, work: (resident: Resident) => T | Promise<T>): Promise<T> {
    const before = this.queues.get(did) ?? Promise.resolve()
    const result = before.then(() => work(this.resident(did)))
    this.queues.set(
      did,
      result.catch(() => undefined),
    )
    return result
  }
}
