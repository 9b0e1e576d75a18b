import { hash } from 'node:crypto'
import * as dagCbor from '@ipld/dag-cbor'
import { didOf, type SimEvent } from './events.ts'

/** What one event of a DID must look like when it comes out of the relay. */
export interface ExpectedEvent {
  type: string
  did: string
  /** `#commit` and `#sync`, else empty */
  rev: string
  /** First 48 bits of the sha256 of all fields but seq and time; 0 where fields may change (see `bodyDigest`). */
  digest: number
  active?: boolean
  status?: string
  handle?: string
  /** May legitimately be refused by the relay: in flight while its DID moved or took a new key. */
  optional: boolean
  /** Some checker has received it. */
  seen: boolean
  /** performance.now() when the host appended it; NaN where nobody knows */
  sentAt: number
  /** Hostname that sent it, or empty */
  host: string
}

export interface ExpectOptions {
  optional?: boolean
  host?: string
  sentAt?: number
}

/**
 * The stream that the relay should give: per DID the ordered list of events that its authoritative hosts sent.
 * Events of different DIDs have no order among them (protocol.md, start of section 3).
 */
export class StreamModel {
  /** DIDs of whom anything may come, or nothing: accounts of hosts that are punished for what they send. */
  readonly unchecked = new Set<string>()
  private readonly byDid = new Map<string, ExpectedEvent[]>()
  private readonly ownAllowed = new Map<string, number>()
  private total = 0
  private optional = 0

  /** Number of all expected events, optional ones included. */
  get size(): number {
    return this.total
  }

  /** How many of them may be refused. */
  get optionalCount(): number {
    return this.optional
  }

  expect(event: SimEvent, options: ExpectOptions = {}): ExpectedEvent {
    const { type, body } = event
    const expected = describe(type, didOf(event), body as unknown as Record<string, unknown>)
    return this.add({
      ...expected,
      optional: options.optional ?? false,
      seen: false,
      sentAt: options.sentAt ?? performance.now(),
      host: options.host ?? '',
    })
  }

  /** Adds an event whose description was made earlier, as corpora do. */
  add(event: ExpectedEvent): ExpectedEvent {
    const list = this.byDid.get(event.did)
    if (list === undefined) this.byDid.set(event.did, [event])
    else list.push(event)
    this.total++
    if (event.optional) this.optional++
    return event
  }

  eventsOf(did: string): readonly ExpectedEvent[] {
    return this.byDid.get(did) ?? []
  }

  dids(): IterableIterator<string> {
    return this.byDid.keys()
  }

  *all(): Generator<ExpectedEvent> {
    for (const list of this.byDid.values()) yield* list
  }

  /** Lets the relay send one #identity of its own for this DID, as it may when it notices a new document (I2, I3). */
  allowOwnIdentity(did: string): void {
    this.allowOwn(ownKey({ type: '#identity', did }))
  }

  /** Lets the relay send one #account of its own that says what the account's host answered when it was asked (C1). */
  allowOwnAccount(did: string, answer: { active: boolean; status?: string }): void {
    this.allowOwn(ownKey({ type: '#account', did, ...answer }))
  }

  private allowOwn(key: string): void {
    this.ownAllowed.set(key, (this.ownAllowed.get(key) ?? 0) + 1)
  }

  /** How many events of the relay's own that look like this it may send. */
  ownEventsAllowed(key: string): number {
    return this.ownAllowed.get(key) ?? 0
  }

  /**
   * To be called before the document of a DID changes (move, key rotation) or its events vanish (deletion): what no
   * checker has received yet may be refused or lost from then on, and the model cannot know which.
   */
  excuseInFlight(did: string): void {
    for (const event of this.eventsOf(did)) {
      if (event.seen || event.optional) continue
      event.optional = true
      this.optional++
    }
  }
}

/** What an event of the relay's own is counted under: all that it says but the handle, which may be left out (I1). */
export function ownKey({ type, did, active, status }: Partial<ExpectedEvent>): string {
  return `${type} ${did} ${active} ${status}`
}

/** The comparable part of a message, decoded from the wire or about to be sent. */
export function describe(
  type: string,
  did: string,
  body: Record<string, unknown>,
): Pick<ExpectedEvent, 'type' | 'did' | 'rev' | 'digest' | 'active' | 'status' | 'handle'> {
  const signed = type === '#commit' || type === '#sync'
  return {
    type,
    did,
    rev: signed && typeof body.rev === 'string' ? body.rev : '',
    digest: signed ? bodyDigest(body) : 0,
    ...(typeof body.active === 'boolean' ? { active: body.active } : {}),
    ...(typeof body.status === 'string' ? { status: body.status } : {}),
    ...(typeof body.handle === 'string' ? { handle: body.handle } : {}),
  }
}

/** Digest of everything that a relay must pass on unchanged: all fields but its own seq and time (section 0). */
export function bodyDigest(body: Record<string, unknown>): number {
  const { seq: _seq, time: _time, ...rest } = body
  return hash('sha256', dagCbor.encode(rest), 'buffer').readUIntBE(0, 6)
}

/** Whether a received message is this expected event: bytes for signed ones, the shown status for accounts (E1). */
export function matches(expected: ExpectedEvent, got: ReturnType<typeof describe>): boolean {
  if (expected.type !== got.type || expected.rev !== got.rev || expected.digest !== got.digest) return false
  if (expected.active !== got.active || expected.status !== got.status) return false
  // I1: the handle may be left out, but not be another one.
  return got.handle === undefined || expected.handle === undefined || got.handle === expected.handle
}
