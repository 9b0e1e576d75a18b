import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { SimAccount } from './account.ts'
import { type DidRecord, didDocument } from './did-document.ts'
import { LoopbackServer } from './loopback-server.ts'

/**
 * What goes wrong with an answer. `hang` never answers; `wrongId` answers with another DID's id (protocol.md D3); `flaky`
 * fails for a share of the calls; `behind` answers as the directory stood so long ago, as a replica does.
 */
export type PlcFault =
  | { kind: 'hang' }
  | { kind: 'error'; status?: number }
  | { kind: 'rateLimited'; retryAfterSeconds: number }
  | { kind: 'flaky'; share: number }
  | { kind: 'slow'; millis: number }
  | { kind: 'behind'; millis: number }
  | { kind: 'wrongId'; id: string }
  | { kind: 'garbage' }
  | { kind: 'redirect'; location: string }

/** Former records kept of each DID, for a directory that is behind. */
const FORMER_KEPT = 10

/**
 * A PLC directory: `GET /{did}` answers with the DID document, 404 for a DID it does not know, 410 for a
 * tombstoned one (D1). Faults are set for one DID or for all; a fault of the DID comes before the global one.
 */
export class PlcDirectory {
  /** Answers asked for, per DID. */
  readonly requests = new Map<string, number>()
  totalRequests = 0
  private readonly records = new Map<string, DidRecord>()
  /** What records were before they changed, the oldest first. */
  private readonly former = new Map<
    string,
    { readonly record: DidRecord | undefined; readonly untilMs: number }[]
  >()
  private readonly tombstones = new Set<string>()
  private readonly faults = new Map<string, PlcFault>()
  private globalFault: PlcFault | null = null
  private readonly listener: LoopbackServer

  private constructor() {
    this.listener = new LoopbackServer(createServer((req, res) => this.answer(req, res)))
  }

  static async start(options: { port?: number } = {}): Promise<PlcDirectory> {
    const directory = new PlcDirectory()
    await directory.listener.listen(options.port)
    return directory
  }

  get url(): string {
    return `http://localhost:${this.listener.port}`
  }

  register(record: DidRecord): void {
    const former = this.former.get(record.did) ?? []
    former.push({ record: this.records.get(record.did), untilMs: performance.now() })
    this.former.set(record.did, former.slice(-FORMER_KEPT))
    this.records.set(record.did, { ...record })
  }

  registerAccount(account: SimAccount, pds: string, keyForm: 'multikey' | 'legacy' = 'multikey'): void {
    this.register({ did: account.did, handle: account.handle, pds, key: account.key, keyForm })
  }

  /** Changes the key, the PDS endpoint, the handle or the key form of a DID. */
  update(did: string, change: Partial<Omit<DidRecord, 'did'>>): void {
    this.register({ ...this.get(did), ...change })
  }

  has(did: string): boolean {
    return this.records.has(did)
  }

  get(did: string): DidRecord {
    const record = this.records.get(did)
    if (record === undefined) throw new Error(`${did} is not registered in the directory`)
    return record
  }

  /** From now on the DID answers 410. */
  tombstone(did: string): void {
    this.tombstones.add(did)
  }

  /** Forgets the DID: it answers 404, as a wrong directory would. */
  forget(did: string): void {
    this.records.delete(did)
  }

  /** Sets or (null) clears the fault of one DID, which need not be registered. */
  setFault(did: string, fault: PlcFault | null): void {
    if (fault === null) this.faults.delete(did)
    else this.faults.set(did, fault)
  }

  setGlobalFault(fault: PlcFault | null): void {
    this.globalFault = fault
  }

  /** How far behind the directory answers to all now, in milliseconds. */
  get lagMs(): number {
    return this.globalFault?.kind === 'behind' ? this.globalFault.millis : 0
  }

  requestsFor(did: string): number {
    return this.requests.get(did) ?? 0
  }

  close(): Promise<void> {
    return this.listener.close()
  }

  private answer(req: IncomingMessage, res: ServerResponse): void {
    const path = decodeURIComponent((req.url ?? '/').split('?')[0] ?? '/')
    if (path === '/_health') {
      sendJson(res, 200, { version: 'simnet' })
      return
    }
    const did = path.slice(1)
    this.totalRequests++
    this.requests.set(did, this.requestsFor(did) + 1)
    const fault = this.faults.get(did) ?? this.globalFault
    if (fault === null) {
      this.answerDocument(did, res)
      return
    }
    switch (fault.kind) {
      case 'hang':
        return
      case 'error':
        sendJson(res, fault.status ?? 500, { message: 'internal error' })
        return
      case 'rateLimited':
        res.setHeader('Retry-After', String(fault.retryAfterSeconds))
        sendJson(res, 429, { message: 'rate limited' })
        return
      case 'flaky':
        if (Math.random() < fault.share) sendJson(res, 500, { message: 'internal error' })
        else this.answerDocument(did, res)
        return
      case 'behind': {
        const asOfMs = performance.now() - fault.millis
        const former = this.former.get(did)?.find(({ untilMs }) => untilMs > asOfMs)
        this.answerDocument(did, res, {
          record: former === undefined ? this.records.get(did) : former.record,
        })
        return
      }
      case 'slow':
        setTimeout(() => this.answerDocument(did, res), fault.millis).unref()
        return
      case 'wrongId':
        this.answerDocument(did, res, { id: fault.id, record: this.records.get(did) })
        return
      case 'garbage':
        res.end('<html>no directory here</html>')
        return
      case 'redirect':
        res.writeHead(302, { Location: fault.location }).end()
    }
  }

  private answerDocument(
    did: string,
    res: ServerResponse,
    { id, record }: { id?: string; record?: DidRecord | undefined } = { record: this.records.get(did) },
  ): void {
    if (this.tombstones.has(did)) sendJson(res, 410, { message: `DID not available: ${did}` })
    else if (record === undefined) sendJson(res, 404, { message: `DID not registered: ${did}` })
    else
      sendJson(
        res,
        200,
        { ...didDocument(record), ...(id === undefined ? {} : { id }) },
        'application/did+ld+json',
      )
  }
}

/** A JSON answer, as XRPC and the directory give it. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  type = 'application/json',
): void {
  if (res.destroyed) return
  res.writeHead(status, { 'Content-Type': type })
  res.end(JSON.stringify(body))
}
