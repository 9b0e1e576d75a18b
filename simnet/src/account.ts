import type { RecordCreateOp, RecordWriteOp } from '@atproto/repo'
import { WriteOpAction } from '@atproto/repo'
import type { NsidString, RecordKeyString } from '@atproto/syntax'
import type { CommitBody, SyncBody } from './events.ts'
import type { Random } from './random.ts'
import { type CommitOptions, SimRepo } from './repo.ts'
import { type Curve, createKey, type SimKey } from './sim-key.ts'
import { type Now, TidClock } from './tid-clock.ts'

export type RecordValue = RecordCreateOp['record']

export interface AccountOptions {
  random: Random
  handle: string
  curve?: Curve
  did?: string
  now?: Now
}

const POST = 'app.bsky.feed.post'
const LIKE = 'app.bsky.feed.like'
const FOLLOW = 'app.bsky.graph.follow'

/** Record keys begin here; only their order matters to anybody. */
const RKEY_START = Date.UTC(2026, 0, 1)

/**
 * A person of the simulated network: DID, key, handle and repo. Where the account lives and what its host says of
 * it is the host's business (`SimPds`); the account only makes signed bytes. Writes run one after the other.
 */
export class SimAccount {
  readonly did: string
  readonly random: Random
  /** Payload of the repo's first commit, which a host sends when it creates the account. */
  readonly firstCommit: CommitBody
  readonly repo: SimRepo
  handle: string
  key: SimKey
  /** Revs: real time, unless told otherwise. */
  private readonly clock: TidClock
  /** Record keys: the same for the same seed at any time, so that a tree's shape can be had again. */
  private readonly rkeys: TidClock
  private readonly paths: string[] = []
  private tail: Promise<unknown> = Promise.resolve()

  private constructor(parts: {
    did: string
    random: Random
    handle: string
    key: SimKey
    clock: TidClock
    repo: SimRepo
    firstCommit: CommitBody
  }) {
    this.did = parts.did
    this.random = parts.random
    this.handle = parts.handle
    this.key = parts.key
    this.clock = parts.clock
    this.rkeys = new TidClock(() => RKEY_START, parts.random.int(1024))
    this.repo = parts.repo
    this.firstCommit = parts.firstCommit
  }

  static async create(options: AccountOptions): Promise<SimAccount> {
    const { random, handle } = options
    const did = options.did ?? `did:plc:${random.text(24)}`
    const key = await createKey(random, options.curve ?? 'k256')
    const clock = new TidClock(options.now, random.int(1024))
    const { repo, first } = await SimRepo.create(did, key.keypair, clock.next())
    return new SimAccount({ did, random, handle, key, clock, repo, firstCommit: first })
  }

  /** Paths of all records, oldest first. */
  get records(): readonly string[] {
    return this.paths
  }

  post(
    text = `${this.random.text(12)} ${this.random.text(40)} ${this.random.text(90)}`,
  ): Promise<CommitBody> {
    return this.create(POST, { $type: POST, text, langs: ['en'], createdAt: new Date().toISOString() })
  }

  like(uri: string, cid: string): Promise<CommitBody> {
    return this.create(LIKE, { $type: LIKE, subject: { uri, cid }, createdAt: new Date().toISOString() })
  }

  follow(subject: string): Promise<CommitBody> {
    return this.create(FOLLOW, { $type: FOLLOW, subject, createdAt: new Date().toISOString() })
  }

  create(collection: string, record: RecordValue, rkey = this.rkeys.next()): Promise<CommitBody> {
    return this.applyWrites([createOp(collection, rkey, record)])
  }

  /** Replaces a record; without a path, a random one of the account's. */
  update(path = this.random.pick(this.paths), record?: RecordValue): Promise<CommitBody> {
    const { collection, rkey } = splitPath(path)
    const value = record ?? {
      $type: collection,
      text: this.random.text(60),
      createdAt: new Date().toISOString(),
    }
    return this.applyWrites([{ action: WriteOpAction.Update, collection, rkey, record: value }])
  }

  /** Deletes a record; without a path, a random one of the account's. */
  delete(path = this.random.pick(this.paths)): Promise<CommitBody> {
    return this.applyWrites([{ action: WriteOpAction.Delete, ...splitPath(path) }])
  }

  /** `count` (at most 200) new posts in one commit. */
  bulk(count: number): Promise<CommitBody> {
    const writes = Array.from({ length: count }, () =>
      createOp(POST, this.rkeys.next(), {
        $type: POST,
        text: this.random.text(40),
        createdAt: new Date().toISOString(),
      }),
    )
    return this.applyWrites(writes)
  }

  /** A commit without ops over an unchanged tree (protocol.md A16). */
  emptyCommit(options?: CommitOptions): Promise<CommitBody> {
    return this.applyWrites([], options)
  }

  applyWrites(
    writes: readonly RecordWriteOp[],
    options?: CommitOptions & { rev?: string },
  ): Promise<CommitBody> {
    return this.serially(async () => {
      const rev = options?.rev ?? this.clock.next()
      const body = await this.repo.commit(writes, this.key.keypair, rev, options)
      for (const op of body.ops) {
        if (op.action === 'create') this.paths.push(op.path)
        if (op.action === 'delete') this.paths.splice(this.paths.indexOf(op.path), 1)
      }
      return body
    })
  }

  /** Takes a new key and signs the repo again with it. The caller publishes the key first (D7), then sends the #sync. */
  rotateKey(curve: Curve = this.key.curve): Promise<SyncBody> {
    return this.serially(async () => {
      this.key = await createKey(this.random.fork('rotation'), curve)
      return this.repo.resign(this.key.keypair, this.clock.next())
    })
  }

  syncBody(): Promise<SyncBody> {
    return this.serially(() => this.repo.syncBody())
  }

  exportCar(): Promise<Uint8Array> {
    return this.serially(() => this.repo.exportCar())
  }

  /** One writer per repo, as on a real host. A failed write does not stop the next one. */
  private serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work)
    this.tail = result.catch(() => undefined)
    return result
  }
}

/** `collection` and `rkey` are the caller's responsibility: hostile tests write what the syntax forbids. */
function createOp(collection: string, rkey: string, record: RecordValue): RecordWriteOp {
  return {
    action: WriteOpAction.Create,
    collection: collection as NsidString,
    rkey: rkey as RecordKeyString,
    record,
  }
}

function splitPath(path: string): { collection: NsidString; rkey: RecordKeyString } {
  const slash = path.indexOf('/')
  return { collection: path.slice(0, slash) as NsidString, rkey: path.slice(slash + 1) as RecordKeyString }
}
