import type { LocalStatus, UpstreamStatus } from './status.ts'

/**
 * What an entry of `sequenced` changes in the state: the reducer applies it when the entry is appended, and again
 * when the state is brought up from the log (invariant 5). Written in full, so that no database is needed to
 * understand an entry.
 */
export interface Facts {
  /** '' for facts of a host alone. */
  readonly did: string
  /** Where the event was taken from (invariant 2); null for what the relay itself says. */
  readonly taken: SourcePosition | null
  /** The account lives on `taken.host` from here on (invariant 4), or on `pdsHost`. */
  readonly moves: boolean
  /** Where it lives, where a relay has passed the event on. */
  readonly pdsHost: string | null
  readonly repo: { readonly rev: string; readonly commit: string; readonly data: string } | null
  /** The repo was told by a #sync: the #commit of its rev may still come. */
  readonly synced: boolean
  readonly upstream: UpstreamStatus | null
  readonly local: LocalStatus | null
  readonly digest: string | null
  /** The event broke its repo's chain, or passed only by the leniency of its host (C13, 3.5). */
  readonly discontinuous: boolean
  readonly host: HostFacts | null
  /** A signed commit that was dropped because the account is not active (S2). */
  readonly pendingCommit: PendingCommit | null
  /** When a throttle for the account's rate of events ends. */
  readonly untilMs: number | null
}

/** The commit of a dropped #commit or #sync; CIDs as 36 bytes in a latin1 string. */
export interface PendingCommit {
  readonly rev: string
  readonly commit: string
  readonly data: string
  /** The signed commit block itself. */
  readonly block: Uint8Array
}

export interface SourcePosition {
  readonly rawGeneration: number
  readonly rawOffset: number
  readonly host: string
  readonly epoch: number
  readonly seq: number
}

export interface HostFacts {
  readonly host: string
  readonly epoch: number | null
  readonly banned: boolean | null
  readonly accountLimit: number | null
}

/** Facts of a host of which nothing is said yet. */
export function hostFacts(host: string): HostFacts {
  return { host, epoch: null, banned: null, accountLimit: null }
}

/** Name under which facts speak of a domain with everything under it, as if it were a host. */
export function domainName(domain: string): string {
  return `*.${domain}`
}

export const NO_FACTS: Facts = {
  did: '',
  taken: null,
  moves: false,
  pdsHost: null,
  repo: null,
  synced: false,
  upstream: null,
  local: null,
  digest: null,
  discontinuous: false,
  host: null,
  pendingCommit: null,
  untilMs: null,
}

/** Format of encoded facts; readers know this one and the one before it (invariant 17). */
const FACTS_VERSION = 2
/** The mask had one byte, and hosts no limit. */
const FORMER_VERSION = 1

const TAKEN = 1
const MOVES = 2
const REPO = 4
const UPSTREAM = 8
const LOCAL = 16
const DIGEST = 32
const DISCONTINUOUS = 64
const HOST = 128
const PENDING_COMMIT = 256
const UNTIL = 512
const PDS_HOST = 1024
const SYNCED = 2048

const scratch = Buffer.allocUnsafe(65_535)

/**
 * Encodes facts, 65,535 bytes at most; the result is a copy of its own. Throws RangeError on more: all that is put into
 * facts was bounded where it was read.
 */
export function encodeFacts(facts: Facts): Buffer {
  const { taken, repo, host, pendingCommit } = facts
  scratch[0] = FACTS_VERSION
  const mask =
    (taken === null ? 0 : TAKEN) |
    (facts.moves ? MOVES : 0) |
    (repo === null ? 0 : REPO) |
    (facts.upstream === null ? 0 : UPSTREAM) |
    (facts.local === null ? 0 : LOCAL) |
    (facts.digest === null ? 0 : DIGEST) |
    (facts.discontinuous ? DISCONTINUOUS : 0) |
    (host === null ? 0 : HOST) |
    (pendingCommit === null ? 0 : PENDING_COMMIT) |
    (facts.untilMs === null ? 0 : UNTIL) |
    (facts.pdsHost === null ? 0 : PDS_HOST) |
    (facts.synced ? SYNCED : 0)
  let at = writeText(scratch.writeUInt16LE(mask, 1), facts.did)
  if (taken !== null) {
    at = writeNumber(at, taken.rawGeneration)
    at = writeNumber(at, taken.rawOffset)
    at = writeNumber(at, taken.epoch)
    at = writeNumber(at, taken.seq)
    at = writeText(at, taken.host)
  }
  if (repo !== null) {
    at = writeText(at, repo.rev)
    at = writeText(at, repo.commit)
    at = writeText(at, repo.data)
  }
  if (facts.upstream !== null) at = writeText(at, facts.upstream)
  if (facts.local !== null) at = writeText(at, facts.local)
  if (facts.digest !== null) at = writeText(at, facts.digest)
  if (host !== null) {
    at = writeText(at, host.host)
    at = writeNumber(at, host.epoch ?? -1)
    scratch[at++] = host.banned === null ? 2 : host.banned ? 1 : 0
    at = writeNumber(at, host.accountLimit ?? -1)
  }
  if (pendingCommit !== null) {
    at = writeText(at, pendingCommit.rev)
    at = writeText(at, pendingCommit.commit)
    at = writeText(at, pendingCommit.data)
    if (at + 2 + pendingCommit.block.length > scratch.length)
      throw new RangeError(`a pending commit's block of ${pendingCommit.block.length} bytes in facts`)
    scratch.writeUInt16LE(pendingCommit.block.length, at)
    scratch.set(pendingCommit.block, at + 2)
    at += 2 + pendingCommit.block.length
  }
  if (facts.untilMs !== null) at = writeNumber(at, facts.untilMs)
  if (facts.pdsHost !== null) at = writeText(at, facts.pdsHost)
  return Buffer.from(scratch.subarray(0, at))
}

/** Decodes facts. Throws RangeError on a version it does not know: stop, never skip (invariant 17). */
export function decodeFacts(bytes: Buffer): Facts {
  const reader = new Reader(bytes)
  const { mask } = reader
  const did = reader.text()
  let taken: SourcePosition | null = null
  if (mask & TAKEN) {
    const [rawGeneration, rawOffset, epoch, seq] = [
      reader.number(),
      reader.number(),
      reader.number(),
      reader.number(),
    ]
    taken = { rawGeneration, rawOffset, epoch, seq, host: reader.text() }
  }
  const repo = mask & REPO ? { rev: reader.text(), commit: reader.text(), data: reader.text() } : null
  const upstream = mask & UPSTREAM ? reader.text() : null
  const local = mask & LOCAL ? (reader.text() as LocalStatus) : null
  const digest = mask & DIGEST ? reader.text() : null
  const host = mask & HOST ? reader.host() : null
  const pendingCommit = mask & PENDING_COMMIT ? reader.pendingCommit() : null
  const untilMs = mask & UNTIL ? reader.number() : null
  const pdsHost = mask & PDS_HOST ? reader.text() : null
  return {
    did,
    taken,
    moves: (mask & MOVES) !== 0,
    pdsHost,
    repo,
    synced: (mask & SYNCED) !== 0,
    upstream,
    local,
    digest,
    discontinuous: (mask & DISCONTINUOUS) !== 0,
    host,
    pendingCommit,
    untilMs,
  }
}

/** The DID alone, for those who filter. */
export function didOfFacts(bytes: Buffer): string {
  return new Reader(bytes).text()
}

function writeText(at: number, text: string): number {
  // All that is written is ASCII, or CID bytes in a latin1 string; a status from outside may be anything.
  if (at + 2 + text.length > scratch.length)
    throw new RangeError(`a text of ${text.length} characters in facts`)
  const length = scratch.write(text, at + 2, 'latin1')
  scratch.writeUInt16LE(length, at)
  return at + 2 + length
}

function writeNumber(at: number, value: number): number {
  return scratch.writeDoubleLE(value, at)
}

class Reader {
  readonly mask: number
  readonly #bytes: Buffer
  readonly #isFormer: boolean
  #at: number
  constructor(bytes: Buffer) {
    const version = bytes[0]
    if (version !== FACTS_VERSION && version !== FORMER_VERSION)
      throw new RangeError(`facts of format ${version} are not known here`)
    this.#isFormer = version === FORMER_VERSION
    this.#bytes = bytes
    this.mask = this.#isFormer ? (bytes[1] as number) : bytes.readUInt16LE(1)
    this.#at = this.#isFormer ? 2 : 3
  }
  text(): string {
    const start = this.#at + 2
    this.#at = start + this.#bytes.readUInt16LE(this.#at)
    return this.#bytes.toString('latin1', start, this.#at)
  }
  number(): number {
    this.#at += 8
    return this.#bytes.readDoubleLE(this.#at - 8)
  }
  host(): HostFacts {
    const host = this.text()
    const epoch = this.number()
    const banned = this.#bytes[this.#at++]
    const limit = this.#isFormer ? -1 : this.number()
    return {
      host,
      epoch: epoch < 0 ? null : epoch,
      banned: banned === 2 ? null : banned === 1,
      accountLimit: limit < 0 ? null : limit,
    }
  }
  pendingCommit(): PendingCommit {
    const [rev, commit, data] = [this.text(), this.text(), this.text()]
    const start = this.#at + 2
    this.#at = start + this.#bytes.readUInt16LE(this.#at)
    return { rev, commit, data, block: new Uint8Array(this.#bytes.subarray(start, this.#at)) }
  }
}
