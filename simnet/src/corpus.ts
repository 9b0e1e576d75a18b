import { hash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BuiltAccount, buildHost } from './corpus-builder.ts'
import { CorpusFileWriter, readDescription, readRange } from './corpus-file.ts'
import type { DidRecord } from './did-document.ts'
import type { LogEntry } from './event-log.ts'
import type { ExpectedEvent } from './model.ts'
import { Random } from './random.ts'

export interface CorpusOptions {
  seed: number
  hosts: number
  accountsPerHost: number
  /** Commits of all hosts together. */
  commits: number
  /** Bytes of a post record; default 400. */
  recordSize?: number
  /** Records that each repo holds before the first commit; default 300, which makes frames of 2.5 to 5 KB. */
  seedRecords?: number
  p256Share?: number
  /** Each account commits in its turn, so that a host's first commits are one of each; default at random. */
  inTurn?: boolean
  /** Where prepared corpora are kept; default the user's cache folder, else the temporary one. */
  cacheDir?: string
}

export interface CorpusAccount extends Omit<DidRecord, 'pds'> {
  /** Index of the host it lives on. */
  host: number
}

/** Raise it when the builder's output changes: cached corpora of older versions are then left alone. */
const VERSION = 1

/** Index record: length u32, account u32, digest u48, rev 13 bytes, 5 unused. */
const INDEX_BYTES = 32

interface Meta {
  accounts: CorpusAccount[]
  hosts: { offset: number; framesBytes: number; count: number }[]
}

/**
 * Ready frames of commits for load tests. Frames name no host and no port, so a corpus fits whatever ports the
 * hosts get; it starts in mid-chain, which a relay takes as a DID's first commit (protocol.md C13).
 */
export class Corpus {
  readonly file: string
  readonly accounts: readonly CorpusAccount[]
  private readonly meta: Meta

  constructor(file: string, meta: Meta) {
    this.file = file
    this.meta = meta
    this.accounts = meta.accounts
  }

  get hostCount(): number {
    return this.meta.hosts.length
  }

  get commitCount(): number {
    return this.meta.hosts.reduce((sum, { count }) => sum + count, 0)
  }

  /** Documents of the accounts, given the endpoints of the hosts in order. */
  *didRecords(endpoints: readonly string[]): Generator<DidRecord> {
    for (const { host, ...record } of this.accounts) {
      const pds = endpoints[host]
      if (pds === undefined)
        throw new RangeError(`the corpus has ${this.hostCount} hosts, got ${endpoints.length}`)
      yield { ...record, pds }
    }
  }

  /** Reads one host's part into memory. */
  host(index: number): HostCorpus {
    const place = this.meta.hosts[index]
    if (place === undefined)
      throw new RangeError(`the corpus has ${this.hostCount} hosts, asked for ${index}`)
    const frames = readRange(this.file, place.framesBytes, place.offset)
    const table = readRange(this.file, place.count * INDEX_BYTES, place.offset + place.framesBytes)
    return new HostCorpus(
      frames,
      table,
      this.accounts.filter(({ host }) => host === index),
    )
  }
}

/** One host's commits, seq 1 to `count`. */
export class HostCorpus {
  readonly count: number
  readonly accounts: readonly CorpusAccount[]
  private readonly frames: Buffer
  private readonly table: Buffer

  constructor(frames: Buffer, table: Buffer, accounts: readonly CorpusAccount[]) {
    this.frames = frames
    this.table = table
    this.accounts = accounts
    this.count = table.length / INDEX_BYTES
  }

  /** Bytes of all WebSocket frames. */
  get bytes(): number {
    return this.frames.length
  }

  /** Entries for a host's log, which must be empty: the frames carry seq 1 to `count`. */
  *entries(): Generator<LogEntry> {
    let offset = 0
    for (let i = 0; i < this.count; i++) {
      const at = i * INDEX_BYTES
      const end = offset + this.table.readUInt32LE(at)
      yield { seq: i + 1, did: this.didAt(at), frame: this.frames.subarray(offset, end) }
      offset = end
    }
  }

  /** For the model, in the host's order. */
  *expectedEvents(host = ''): Generator<ExpectedEvent> {
    for (let at = 0; at < this.table.length; at += INDEX_BYTES) {
      const rev = this.table.toString('latin1', at + 14, at + 27)
      const digest = this.table.readUIntLE(at + 8, 6)
      yield {
        type: '#commit',
        did: this.didAt(at),
        rev,
        digest,
        optional: false,
        seen: false,
        sentAt: Number.NaN,
        host,
      }
    }
  }

  private didAt(at: number): string {
    return this.accounts[this.table.readUInt32LE(at + 4)]?.did ?? ''
  }
}

/** The corpus for these options: from the cache, or built and put there (some seconds for each 10,000 commits). */
export function prepareCorpus(options: CorpusOptions): Corpus {
  const { cacheDir = defaultCacheDir(), ...parameters } = options
  const name = hash('sha256', JSON.stringify([VERSION, Object.entries(parameters).sort()])).slice(0, 24)
  const file = join(cacheDir, `corpus-${name}.bin`)
  if (!existsSync(file)) {
    mkdirSync(cacheDir, { recursive: true })
    // Built beside its place and renamed: a broken-off build or a second builder leaves no half corpus.
    const unfinished = `${file}.${process.pid}`
    build(parameters, unfinished)
    renameSync(unfinished, file)
  }
  return new Corpus(file, readDescription(file) as Meta)
}

function build(options: CorpusOptions, file: string): void {
  const {
    seed,
    hosts,
    accountsPerHost,
    commits,
    recordSize = 400,
    seedRecords = 300,
    p256Share = 0.25,
    inTurn = false,
  } = options
  const random = new Random(seed)
  const meta: Meta = { accounts: [], hosts: [] }
  using out = new CorpusFileWriter(file)
  for (let host = 0; host < hosts; host++) {
    const accounts: BuiltAccount[] = []
    const share = Math.floor(commits / hosts) + (host < commits % hosts ? 1 : 0)
    const plan = {
      random: random.fork(host),
      host,
      accounts: accountsPerHost,
      commits: share,
      recordSize,
      seedRecords,
      p256Share,
      inTurn,
    }
    const offset = out.position
    const table = Buffer.alloc(share * INDEX_BYTES)
    let at = 0
    for (const { frame, account, rev, digest } of buildHost(plan, accounts)) {
      out.write(frame)
      table.writeUInt32LE(frame.length, at)
      table.writeUInt32LE(account, at + 4)
      table.writeUIntLE(digest, at + 8, 6)
      table.write(rev, at + 14, 'latin1')
      at += INDEX_BYTES
    }
    meta.hosts.push({ offset, framesBytes: out.position - offset, count: share })
    out.write(table)
    for (const { did, handle, key } of accounts) {
      const { curve, multikey, legacyMultibase } = key
      meta.accounts.push({ did, handle, key: { curve, multikey, legacyMultibase }, host })
    }
  }
  out.finish(Buffer.from(JSON.stringify(meta)))
}

function defaultCacheDir(): string {
  const { XDG_CACHE_HOME: cache } = process.env
  return join(cache === undefined || cache === '' ? tmpdir() : cache, 'bgs')
}
