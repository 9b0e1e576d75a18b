import { describe, type ExpectedEvent, matches, ownKey, type StreamModel } from './model.ts'
import { decodeFrame } from './wire.ts'

/** What was wrong; every list is empty for a stream without fault. */
export interface Verdict {
  ok: boolean
  received: number
  missing: string[]
  /** The same event under a second seq. */
  duplicate: string[]
  /** A repo's event before an older one of the same repo, or a seq that does not rise. */
  outOfOrder: string[]
  unexpected: string[]
  /** An expected event whose content differs from what the host sent. */
  changed: string[]
  /** Left out of a connection although it lies within what that connection was served. */
  holes: string[]
  /** Not decodable with the reference codec. */
  malformed: string[]
}

/** Which part of the sequence one connection was given. */
interface ConnectionRecord {
  cursor: number | null
  firstSeq: number
  lastSeq: number
  /** Sorted because seq must rise. */
  seqs: number[]
}

/** Parallel to the model's list of one DID. */
interface DidProgress {
  seqs: (number | undefined)[]
  arrived: (number | undefined)[]
  highest: number
}

/** At most this many lines are kept of each kind of fault: one bug must not fill the memory. */
const KEPT_FAULTS = 50

/**
 * Compares what a relay serves with the model. One checker may follow several connections one after the other (a
 * client that reconnects with a cursor): an event must keep the seq under which it was first served.
 */
export class StreamChecker {
  readonly model: StreamModel
  readonly infos: Record<string, unknown>[] = []
  readonly errors: Record<string, unknown>[] = []
  received = 0
  private readonly progress = new Map<string, DidProgress>()
  private readonly connections: ConnectionRecord[] = []
  private readonly faults = {
    duplicate: [] as string[],
    outOfOrder: [] as string[],
    unexpected: [] as string[],
    changed: [] as string[],
    malformed: [] as string[],
  }
  /** All seqs matched to an event, for the search for holes. */
  private readonly known = new Set<number>()
  /** #identity and #account that the relay sent of its own accord, by what they say. */
  private readonly ownEvents = new Map<string, number>()
  private matched = 0

  constructor(model: StreamModel) {
    this.model = model
  }

  beginConnection(cursor: number | null): void {
    this.connections.push({ cursor, firstSeq: 0, lastSeq: cursor ?? 0, seqs: [] })
  }

  /** Highest seq of the present connection, or of the one before. */
  get lastSeq(): number {
    return this.connections.at(-1)?.lastSeq ?? 0
  }

  /** Whether every event that must come has come. */
  get caughtUp(): boolean {
    if (this.matched === this.model.size) return true
    // Cheap for the common case: this is asked after every message.
    if (this.matched < this.model.size - this.model.optionalCount) return false
    for (const did of this.model.dids()) {
      if (this.missingOf(did).length > 0) return false
    }
    return true
  }

  /**
   * Which required events have not come, nor one that looks like it and may have been it: an excused one, or what was taken
   * for the relay's own.
   */
  private missingOf(did: string): number[] {
    const events = this.model.eventsOf(did)
    const progress = this.progress.get(did)
    const missing: number[] = []
    for (let i = 0; i < events.length; i++)
      if (events[i]?.optional === false && progress?.seqs[i] === undefined) missing.push(i)
    if (missing.length === 0 || progress === undefined) return missing
    const come = new Set(twins(events, progress, events.length).map(([required]) => required))
    const own = new Map(this.ownEvents)
    return missing.filter((i) => {
      const event = events[i] as ExpectedEvent
      const taken = event.rev === '' ? (own.get(ownKey(event)) ?? 0) : 0
      if (taken > 0) own.set(ownKey(event), taken - 1)
      return !come.has(i) && taken === 0
    })
  }

  /** Number of different expected events received. */
  get matchedCount(): number {
    return this.matched
  }

  observe(bytes: Uint8Array): void {
    let frame: ReturnType<typeof decodeFrame>
    try {
      frame = decodeFrame(bytes)
    } catch (cause) {
      this.fault('malformed', String(cause))
      return
    }
    if (frame.op !== 1) this.errors.push(frame.body)
    else if (frame.type === '#info') this.infos.push(frame.body)
    else this.observeEvent(frame.type, frame.body)
  }

  verdict(): Verdict {
    const missing = this.findMissing()
    const holes = this.findHoles()
    const { duplicate, outOfOrder, unexpected, changed, malformed } = this.faults
    const lists = { missing, duplicate, outOfOrder, unexpected, changed, holes, malformed }
    return { ok: Object.values(lists).every((list) => list.length === 0), received: this.received, ...lists }
  }

  /** Milliseconds from the host's log to this subscriber, for events that pass the filter. */
  latencies(filter: (event: ExpectedEvent) => boolean = () => true): number[] {
    const out: number[] = []
    for (const [did, { arrived }] of this.progress) {
      this.model.eventsOf(did).forEach((event, i) => {
        const at = arrived[i]
        if (at !== undefined && !Number.isNaN(event.sentAt) && filter(event)) out.push(at - event.sentAt)
      })
    }
    return out
  }

  /** The seq of every received event by its place in the model, to compare two checkers of one relay. */
  seqOf(did: string, index: number): number | undefined {
    return this.progress.get(did)?.seqs[index]
  }

  /** Events to which the two checkers saw different seqs given (X4). */
  differingSeqs(other: StreamChecker): string[] {
    const out: string[] = []
    for (const [did, { seqs }] of this.progress) {
      seqs.forEach((seq, i) => {
        const theirs = other.seqOf(did, i)
        if (seq !== undefined && theirs !== undefined && theirs !== seq)
          out.push(`${did} event ${i}: seq ${seq} and ${theirs}`)
      })
    }
    return out
  }

  private observeEvent(type: string, body: Record<string, unknown>): void {
    this.received++
    const seq = Number(body.seq)
    const did = String(type === '#commit' ? body.repo : body.did)
    const connection = this.connections.at(-1)
    if (connection === undefined) throw new Error('beginConnection must come before observe')
    const name = `seq ${seq} ${type} ${did} ${typeof body.rev === 'string' ? body.rev : ''}`
    if (!Number.isSafeInteger(seq) || seq <= connection.lastSeq) {
      this.fault('outOfOrder', `${name}: seq after ${connection.lastSeq} on the same connection`)
      if (seq === connection.lastSeq) this.fault('duplicate', name)
      return
    }
    if (connection.firstSeq === 0) connection.firstSeq = seq
    connection.lastSeq = seq
    connection.seqs.push(seq)
    if (this.model.unchecked.has(did)) return
    const got = describe(type, did, body)
    const events = this.model.eventsOf(did)
    const progress = this.progressOf(did)
    if (this.known.has(seq)) {
      const before = events[progress.seqs.indexOf(seq)]
      if (before === undefined || !matches(before, got))
        this.fault('changed', `${name}: another event under this seq`)
      return
    }
    this.place(name, got, seq, events, progress)
  }

  private place(
    name: string,
    got: ReturnType<typeof describe>,
    seq: number,
    events: readonly ExpectedEvent[],
    progress: DidProgress,
  ): void {
    correctTwins(events, progress, got)
    const index = findOpen(events, progress, got)
    if (got.rev === '' && passesOver(events, progress, index) && this.takeCredit(ownKey(got))) return
    if (index >= 0) {
      const event = events[index] as ExpectedEvent
      if (index < progress.highest && !isLateAtMove(events, progress, index))
        this.fault('outOfOrder', `${name}: after a later event of its repo`)
      progress.highest = Math.max(progress.highest, index)
      progress.seqs[index] = seq
      progress.arrived[index] = performance.now()
      event.seen = true
      this.known.add(seq)
      this.matched++
      return
    }
    const twin = events.findIndex((event) => matches(event, got))
    if (twin >= 0) this.fault('duplicate', `${name}: served before as seq ${progress.seqs[twin]}`)
    else if (got.rev !== '' && events.some((event) => event.type === got.type && event.rev === got.rev)) {
      this.fault('changed', `${name}: content differs from what the host sent`)
    } else this.fault('unexpected', name)
  }

  private takeCredit(key: string): boolean {
    const used = this.ownEvents.get(key) ?? 0
    if (used >= this.model.ownEventsAllowed(key)) return false
    this.ownEvents.set(key, used + 1)
    return true
  }

  private progressOf(did: string): DidProgress {
    let progress = this.progress.get(did)
    if (progress === undefined) {
      progress = { seqs: [], arrived: [], highest: -1 }
      this.progress.set(did, progress)
    }
    return progress
  }

  private fault(kind: keyof typeof this.faults, text: string): void {
    if (this.faults[kind].length < KEPT_FAULTS) this.faults[kind].push(text)
  }

  private findMissing(): string[] {
    const missing: string[] = []
    for (const did of this.model.dids()) {
      const events = this.model.eventsOf(did)
      for (const i of this.missingOf(did)) {
        const { type, rev } = events[i] as ExpectedEvent
        if (missing.length < KEPT_FAULTS) missing.push(`${type} ${did} ${rev} (event ${i} of its repo)`)
      }
    }
    return missing
  }

  /** An event known to have seq s must be part of every connection whose range covers s (Q1, Q3, Q7). */
  private findHoles(): string[] {
    const holes: string[] = []
    const known = [...this.known].sort((a, b) => a - b)
    for (const { cursor, firstSeq, lastSeq, seqs } of this.connections) {
      const from = cursor === null ? firstSeq : cursor + 1
      const served = new Set(seqs)
      for (const seq of known) {
        if (seq < from || seq > lastSeq || served.has(seq) || holes.length >= KEPT_FAULTS) continue
        holes.push(`seq ${seq} left out of the connection with cursor ${cursor}`)
      }
    }
    return holes
  }
}

/**
 * Of an excused event and a required one that look alike nobody can tell which was served, until what comes next lies
 * behind the required one: then it was that one.
 */
function correctTwins(
  events: readonly ExpectedEvent[],
  progress: DidProgress,
  got: ReturnType<typeof describe>,
): void {
  const { highest, seqs, arrived } = progress
  const next = events.findIndex((event, i) => i > highest && matches(event, got))
  for (const [required, taken] of twins(events, progress, next)) {
    seqs[required] = seqs[taken]
    arrived[required] = arrived[taken]
    seqs[taken] = undefined
    arrived[taken] = undefined
    ;(events[required] as ExpectedEvent).seen = true
    progress.highest = Math.max(progress.highest, required)
  }
}

/**
 * The required events before `end` that have not come, each with the excused one that was taken for received and may
 * have been it: the last ones of the one kind for the last ones of the other, so that the order stays.
 */
function twins(
  events: readonly ExpectedEvent[],
  { highest, seqs }: DidProgress,
  end: number,
): [required: number, taken: number][] {
  const pairs: [number, number][] = []
  let taken = highest
  for (let i = end - 1; i > highest; i--) {
    const required = events[i] as ExpectedEvent
    if (required.optional) continue
    while (taken >= 0 && seqs[taken] === undefined) taken--
    const twin = events[taken]
    if (twin === undefined || !twin.optional || twin.rev !== '' || !matches(required, twin)) break
    pairs.push([i, taken--])
  }
  return pairs
}

/** The first event not received yet that looks like this; one not yet passed by comes first (two #identity are alike). */
function findOpen(
  events: readonly ExpectedEvent[],
  progress: DidProgress,
  got: ReturnType<typeof describe>,
): number {
  const isOpen = (i: number) => progress.seqs[i] === undefined && matches(events[i] as ExpectedEvent, got)
  for (let i = progress.highest + 1; i < events.length; i++) if (isOpen(i)) return i
  for (let i = 0; i < progress.highest; i++) if (isOpen(i)) return i
  return -1
}

/**
 * Whether all that was served before this event, and stands behind it, is word of another host on the account, while this
 * may have been refused: nobody orders what two hosts send. A relay that has forgotten the newer document, as it may
 * when it is killed, judges what the former host has sent by the older one.
 */
function isLateAtMove(
  events: readonly ExpectedEvent[],
  { seqs, highest }: DidProgress,
  index: number,
): boolean {
  const { host, optional } = events[index] as ExpectedEvent
  if (!optional) return false
  for (let i = index + 1; i <= highest; i++) {
    const other = events[i] as ExpectedEvent
    if (seqs[i] !== undefined && (other.host === host || other.rev !== '')) return false
  }
  return true
}

/** Whether nothing fits (index -1), or a required event that has not come yet lies before the one that fits. */
function passesOver(events: readonly ExpectedEvent[], progress: DidProgress, index: number): boolean {
  if (index < 0) return true
  for (let i = progress.highest + 1; i < index; i++) {
    if (events[i]?.optional === false && progress.seqs[i] === undefined) return true
  }
  return false
}
