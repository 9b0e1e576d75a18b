import * as dagCbor from '@ipld/dag-cbor'
import { SimAccount } from './account.ts'
import { commitFrame, FastRepo } from './fast-repo.ts'
import { createFastKey } from './fast-signer.ts'
import type { Fault, FaultContext } from './fault.ts'
import { AUTHORITY_FAULTS } from './hostile-events.ts'
import { FIELD_FAULTS } from './hostile-fields.ts'
import { REPO_FAULTS } from './hostile-repo.ts'
import { largeIdentity, WIRE_FAULTS } from './hostile-wire.ts'
import { type PdsOptions, SimPds } from './pds.ts'
import type { PlcDirectory } from './plc.ts'
import { Random } from './random.ts'
import { TidClock } from './tid-clock.ts'
import { webSocketPayload } from './wire.ts'

/** Every named kind of bad message, in the order of the protocol's sections. */
export const FAULTS: readonly Fault[] = [...WIRE_FAULTS, ...FIELD_FAULTS, ...REPO_FAULTS, ...AUTHORITY_FAULTS]

export interface HostileOptions extends PdsOptions {
  plc: PlcDirectory
  seed?: number
  /** An account of another host, for faults of authority. */
  foreign?: SimAccount
  /** Told of each account made for a fault; its creation is honest and should come out of the relay. */
  onAccount?: (account: SimAccount, host: HostileHost) => void
}

const FLOOD_RECORD = dagCbor.encode({ $type: 'app.bsky.feed.post', text: 'flood' })

/** A host that serves like any other and, when told to, sends what no host should. */
export class HostileHost extends SimPds {
  foreign: SimAccount | null
  private readonly plc: PlcDirectory
  private readonly random: Random
  private readonly onAccount: NonNullable<HostileOptions['onAccount']>
  private made = 0

  private constructor(options: HostileOptions) {
    super(options)
    this.plc = options.plc
    this.random = new Random(options.seed ?? 666)
    this.foreign = options.foreign ?? null
    this.onAccount = options.onAccount ?? (() => undefined)
  }

  static override async start(options: PdsOptions & Partial<HostileOptions>): Promise<HostileHost> {
    const { plc } = options
    if (plc === undefined) throw new TypeError('a hostile host needs the directory that its accounts are in')
    const host = new HostileHost({ ...options, plc })
    await host.listener.listen(options.port)
    return host
  }

  /** An account of its own, announced as any other. */
  async freshAccount(): Promise<SimAccount> {
    const name = `hostile${this.made++}`
    const curve = this.random.chance(0.5) ? 'k256' : 'p256'
    const account = await SimAccount.create({ random: this.random.fork(name), handle: `${name}.test`, curve })
    this.plc.registerAccount(account, this.endpoint)
    this.onAccount(account, this)
    await this.createAccount(account)
    return account
  }

  /** Sends one fault, from a fresh account so that faults do not disturb each other. Returns the seqs taken. */
  async send(fault: Fault | string): Promise<number[]> {
    const chosen = typeof fault === 'string' ? faultNamed(fault) : fault
    const account = await this.freshAccount()
    // A few honest records first, so that trees have something to be wrong in.
    this.commit(await account.bulk(12))
    const context: FaultContext = { account, foreign: this.foreign, seq: this.log.newestSeq + 1 }
    const messages = await chosen.make(context)
    return messages.map(({ payload, opcode, seq }) =>
      this.emitRaw(payload, {
        ...(opcode === undefined ? {} : { opcode }),
        ...(seq === undefined ? {} : { seq }),
        did: account.did,
      }),
    )
  }

  /**
   * `count` well-made commits for one DID that the directory never answers for, or (dids > 1) spread over many such
   * DIDs. Returns the DIDs. Nothing of it may come out, nor hold anyone else up (H10, G6).
   */
  floodUnresolvable(
    count: number,
    options: { dids?: number; fault?: 'hang' | 'error' | 'unknown' } = {},
  ): string[] {
    const { dids = 1, fault = 'hang' } = options
    const clock = new TidClock()
    const repos = Array.from({ length: dids }, () => {
      const did = `did:plc:${this.random.text(24)}`
      if (fault !== 'unknown') this.plc.setFault(did, { kind: fault })
      return new FastRepo(did, createFastKey(this.random, 'k256'), [], clock.next())
    })
    for (let i = 0; i < count; i++) {
      const repo = repos[i % dids]
      if (repo === undefined) break
      const write = {
        action: 'create' as const,
        path: `app.bsky.feed.post/${clock.next()}`,
        record: FLOOD_RECORD,
      }
      const seq = this.log.newestSeq + 1
      const frame = commitFrame(repo.commit([write], clock.next()), seq, new Date().toISOString())
      this.emitRaw(webSocketPayload(frame), { seq, did: repo.did })
    }
    return repos.map(({ did }) => did)
  }

  /** `count` #identity events for an account of another host: each a call for a refetch of its document (I2). */
  floodForeignIdentity(count: number, did = this.foreign?.did): void {
    if (did === undefined) throw new Error('this flood needs an account that lives on another host')
    for (let i = 0; i < count; i++) this.announceIdentity(did, `flood${i}.test`)
  }

  /** `count` messages of exactly `bytes` (at most 5,000,000 is legal): only their size is bad. */
  floodLarge(count: number, bytes: number, did: string): void {
    // Measured with padding of the size class wanted: the length of a length depends on it.
    const empty = largeIdentity(did, this.log.newestSeq + 1, bytes).length - bytes
    for (let i = 0; i < count; i++) {
      const seq = this.log.newestSeq + 1
      this.emitRaw(largeIdentity(did, seq, bytes - empty), { seq, did })
    }
  }
}

function faultNamed(name: string): Fault {
  const fault = FAULTS.find((candidate) => candidate.name === name)
  if (fault === undefined) throw new RangeError(`no fault is called ${name}`)
  return fault
}
