import { createServer } from 'node:http'
import type { SimAccount } from './account.ts'
import type { HostCorpus } from './corpus.ts'
import { EventLog, type LogEntry } from './event-log.ts'
import { type AccountBody, type CommitBody, didOf, type SimEvent, type SyncBody } from './events.ts'
import { LoopbackServer } from './loopback-server.ts'
import { answerXrpc, type HostedAccount, parseSubscription } from './pds-xrpc.ts'
import { ServerSocket } from './server-socket.ts'
import { type SendingPolicy, Subscription } from './subscription.ts'
import { encodeErrorFrame, encodeFrame, OPCODE_BINARY, webSocketFrame } from './wire.ts'

export interface PdsOptions {
  port?: number
  /** Called for each event in the order of the host's sequence; the network's model listens here. */
  onEvent?: (event: SimEvent, seq: number, pds: SimPds) => void
  /** Told of each account whose status was asked and given. */
  onStatusAnswer?: (did: string, pds: SimPds) => void
  /** Accept a cursor above the newest seq in silence instead of answering FutureCursor (protocol.md A2). */
  silentOnFutureCursor?: boolean
  /** Extra headers of the WebSocket handshake, for example `{Server: 'atproto-relay'}` (H5). */
  handshakeHeaders?: Record<string, string>
}

/** Accounts' states that a host announces with `active: false` (section 2). */
export type InactiveStatus =
  | 'takendown'
  | 'suspended'
  | 'deleted'
  | 'deactivated'
  | 'desynchronized'
  | 'throttled'

/**
 * A personal data server on a loopback port. The methods that change accounts send the events that the reference
 * PDS sends, in its order (P-PDS); events are stored as ready WebSocket frames in one log.
 */
export class SimPds {
  readonly log = new EventLog()
  readonly accounts = new Map<string, HostedAccount>()
  readonly subscriptions = new Set<Subscription>()
  /** Events appended since the start. */
  emitted = 0
  /** Cursors that subscribers came with, in order; null = none. */
  readonly cursorsSeen: (number | null)[] = []
  silentOnFutureCursor: boolean
  handshakeHeaders: Record<string, string>
  /** A replay begins so many events before the cursor: at least once, and some of it twice (A1). */
  replaysBefore = 0
  protected readonly listener: LoopbackServer
  private readonly policy: SendingPolicy = { paused: false, eventsPerSecond: null }
  private readonly onEvent: NonNullable<PdsOptions['onEvent']>
  readonly onStatusAnswer: (did: string) => void
  private pumpScheduled = false as boolean

  protected constructor(options: PdsOptions) {
    this.onEvent = options.onEvent ?? (() => undefined)
    this.onStatusAnswer = (did) => options.onStatusAnswer?.(did, this)
    this.silentOnFutureCursor = options.silentOnFutureCursor ?? false
    this.handshakeHeaders = options.handshakeHeaders ?? {}
    const server = createServer((req, res) => {
      void answerXrpc(this, req, res)
    })
    server.on('upgrade', (req, socket) => {
      const parsed = parseSubscription(req.url ?? '/')
      if ('refusal' in parsed) socket.end(parsed.refusal)
      else this.subscribe(ServerSocket.accept(req, socket, this.handshakeHeaders), parsed.cursor)
    })
    this.listener = new LoopbackServer(server)
  }

  static async start(options: PdsOptions = {}): Promise<SimPds> {
    const pds = new SimPds(options)
    await pds.listener.listen(options.port)
    return pds
  }

  /** Name of the host as the relay knows it: `localhost:PORT`. */
  get hostname(): string {
    return `localhost:${this.listener.port}`
  }

  /** What DID documents of its accounts carry. */
  get endpoint(): string {
    return `http://${this.hostname}`
  }

  /** #identity, #account, #commit, #sync of the same commit: a new account (P-PDS). */
  async createAccount(account: SimAccount): Promise<void> {
    this.host(account)
    this.emit({ type: '#identity', body: { did: account.did, handle: account.handle } })
    this.emit({ type: '#account', body: { did: account.did, active: true } })
    this.emit({ type: '#commit', body: account.firstCommit })
    this.emit({ type: '#sync', body: await account.syncBody() })
  }

  /** Takes an account in without a word, as an import before activation, or as if its events were long gone. */
  host(account: SimAccount, active = true): void {
    this.accounts.set(account.did, { account, active, ...(active ? {} : { status: 'deactivated' }) })
  }

  /** Sends a commit that the account made. */
  commit(body: CommitBody): number {
    return this.emit({ type: '#commit', body })
  }

  sync(body: SyncBody): number {
    return this.emit({ type: '#sync', body })
  }

  announceIdentity(did: string, handle?: string): number {
    return this.emit({ type: '#identity', body: handle === undefined ? { did } : { did, handle } })
  }

  /** #account, #identity, #sync of the current commit: an activation or re-activation (P-PDS). */
  async activate(did: string): Promise<void> {
    const { account } = this.hosted(did)
    this.accounts.set(did, { account, active: true })
    this.emit({ type: '#account', body: { did, active: true } })
    this.emit({ type: '#identity', body: { did, handle: account.handle } })
    this.emit({ type: '#sync', body: await account.syncBody() })
  }

  /** #account alone: what every change of status sends. `active` may be true for desynchronized and throttled. */
  setStatus(did: string, status: InactiveStatus | (string & {}), active = false): number {
    this.accounts.set(did, { account: this.hosted(did).account, active, status })
    return this.emitAccount({ did, active, status })
  }

  deactivate(did: string): number {
    return this.setStatus(did, 'deactivated')
  }

  /** #account deleted; the DID's older events vanish from the backfill (P-PDS). */
  delete(did: string): number {
    const seq = this.setStatus(did, 'deleted')
    this.log.removeDid(did, (entry) => entry.seq === seq)
    return seq
  }

  /** #identity, then #sync of the re-signed commit, which is not sent as #commit: the reference's key rotation. */
  announceRotation(account: SimAccount, sync: SyncBody): void {
    this.announceIdentity(account.did, account.handle)
    this.sync(sync)
  }

  /** Appends an event with the next seq and the present time; returns its seq. */
  emit(event: SimEvent, overrides: { seq?: number; time?: string } = {}): number {
    const seq = overrides.seq ?? this.log.newestSeq + 1
    const time = overrides.time ?? new Date().toISOString()
    const frame = encodeFrame(event.type, { ...event.body, seq, time })
    this.append(didOf(event), seq, webSocketFrame(frame))
    this.onEvent(event, seq, this)
    return seq
  }

  /** Appends any bytes as one message. It takes a place in the sequence even where nobody can read a seq in it. */
  emitRaw(payload: Uint8Array, options: { opcode?: number; seq?: number; did?: string } = {}): number {
    const seq = options.seq ?? this.log.newestSeq + 1
    this.append(options.did ?? '', seq, webSocketFrame(payload, options.opcode ?? OPCODE_BINARY))
    return seq
  }

  /** Takes a prepared corpus as its log, without a word to the model: `corpus.expectedEvents()` is for that. */
  loadCorpus(corpus: HostCorpus): void {
    for (const entry of corpus.entries()) this.release(entry)
  }

  /** Sends one entry of a prepared corpus, which must come in their order. */
  release(entry: LogEntry): void {
    this.log.append(entry)
    this.emitted++
    this.schedulePump()
  }

  pause(): void {
    this.policy.paused = true
  }

  resume(): void {
    this.policy.paused = false
    this.schedulePump()
  }

  /** Limits what each subscriber is sent; null = no limit. */
  limitRate(eventsPerSecond: number | null): void {
    this.policy.eventsPerSecond = eventsPerSecond
    this.schedulePump()
  }

  /** Whether every connected subscriber has been written everything. */
  get drained(): boolean {
    return (
      this.subscriptions.size > 0 && [...this.subscriptions].every((subscription) => subscription.caughtUp)
    )
  }

  /** Cuts all connections as a crash would. */
  sever(): void {
    this.listener.sever()
  }

  /** Loses the log and starts again at seq 1, cutting every subscriber (A2, Q12). Accounts stay. */
  restartSequence(): void {
    this.log.wipe()
    this.sever()
  }

  /** Throws old events out of the replay window (Q4). */
  evictThrough(seq: number): void {
    this.log.evictThrough(seq)
  }

  async close(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.stop()
    await this.listener.close()
  }

  protected subscribe(socket: ServerSocket, cursor: number | null): void {
    this.cursorsSeen.push(cursor)
    if (cursor !== null && cursor > this.log.newestSeq && !this.silentOnFutureCursor) {
      socket.write(webSocketFrame(encodeErrorFrame('FutureCursor', 'Cursor in the future.')))
      socket.close(1008, 'FutureCursor')
      return
    }
    // Q2: 0 asks for the whole window and is never outdated.
    if (cursor !== null && cursor > 0 && this.log.isOutdated(cursor)) {
      const body = {
        name: 'OutdatedCursor',
        message: 'Requested cursor exceeded limit. Possibly missing events',
      }
      socket.write(webSocketFrame(encodeFrame('#info', body)))
    }
    const from = cursor === null ? this.log.newestSeq : Math.max(0, cursor - this.replaysBefore)
    const subscription = new Subscription(socket, this.log, this.policy, from)
    this.subscriptions.add(subscription)
    socket.onClose = () => {
      subscription.stop()
      this.subscriptions.delete(subscription)
    }
    subscription.pump()
  }

  private emitAccount(body: AccountBody): number {
    return this.emit({ type: '#account', body })
  }

  private append(did: string, seq: number, frame: Buffer): void {
    this.log.append({ seq, did, frame })
    this.emitted++
    this.schedulePump()
  }

  /** Events of one turn of the event loop leave in one write. */
  private schedulePump(): void {
    if (this.pumpScheduled) return
    this.pumpScheduled = true
    setImmediate(() => {
      this.pumpScheduled = false
      for (const subscription of this.subscriptions) subscription.pump()
    })
  }

  private hosted(did: string): HostedAccount {
    const hosted = this.accounts.get(did)
    if (hosted === undefined) throw new Error(`${this.hostname} does not host ${did}`)
    return hosted
  }
}
