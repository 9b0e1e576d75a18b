import type { Keypair } from '@atproto/crypto'
import {
  BlockMap,
  blocksToCarFile,
  CidSet,
  type CommitData,
  cborToLexRecord,
  DataDiff,
  getFullRepo,
  MemoryBlockstore,
  type RecordWriteOp,
  Repo,
  signCommit,
  WriteOpAction,
} from '@atproto/repo'
import type { Cid, CommitBody, RepoOp, SyncBody } from './events.ts'

export interface CommitOptions {
  /** Also send the unchanged root node of a commit without ops; the reference PDS leaves it out (protocol.md A16). */
  includeRoot?: boolean
}

/**
 * One account's repo in memory, on the reference package's tree, diff and covering proofs. It does what the
 * reference PDS does for a write (format the commit, add records that the diff does not hold, note prevData and
 * each op's prev), but takes the rev from the caller, so that time is the test's to choose.
 */
export class SimRepo {
  readonly did: string
  private readonly storage: MemoryBlockstore
  private repo: Repo

  private constructor(did: string, storage: MemoryBlockstore, repo: Repo) {
    this.did = did
    this.storage = storage
    this.repo = repo
  }

  /** An empty repo and its first commit's payload: since null, no ops and, as in the reference PDS, no prevData (A25). */
  static async create(
    did: string,
    keypair: Keypair,
    rev: string,
  ): Promise<{ repo: SimRepo; first: CommitBody }> {
    const storage = new MemoryBlockstore()
    const commit = await Repo.formatInitCommit(storage, did, keypair, [], rev)
    const inner = await Repo.createFromCommit(storage, commit)
    const repo = new SimRepo(did, storage, inner)
    return { repo, first: await commitBody(did, commit, [], null) }
  }

  get rev(): string {
    return this.repo.commit.rev
  }

  get head(): Cid {
    return this.repo.cid
  }

  get data(): Cid {
    return this.repo.commit.data
  }

  async has(path: string): Promise<boolean> {
    return (await this.repo.data.get(path)) !== null
  }

  /** Applies the writes as one signed commit and returns what the host sends for it. */
  async commit(
    writes: readonly RecordWriteOp[],
    keypair: Keypair,
    rev: string,
    options: CommitOptions = {},
  ): Promise<CommitBody> {
    const before = this.repo.data
    const prevData = this.repo.commit.data
    const since = this.repo.commit.rev
    const records = new BlockMap()
    const ops: RepoOp[] = []
    let data = before
    for (const write of writes) {
      const path = `${write.collection}/${write.rkey}`
      // `prev` names the value before this commit, as in the reference PDS, which reads it from its record table.
      const prev = await before.get(path)
      if (write.action === WriteOpAction.Delete) {
        data = await data.delete(path)
        if (prev === null)
          throw new RangeError(`${this.did}: ${path} is not in the repo, so it cannot be deleted`)
        ops.push({ action: 'delete', path, cid: null, prev })
        continue
      }
      const cid = await records.add(write.record)
      if (write.action === WriteOpAction.Create) {
        data = await data.add(path, cid)
        ops.push({ action: 'create', path, cid })
      } else {
        data = await data.update(path, cid)
        if (prev === null)
          throw new RangeError(`${this.did}: ${path} is not in the repo, so it cannot be updated`)
        ops.push({ action: 'update', path, cid, prev })
      }
    }
    const root = await data.getPointer()
    const diff = await DataDiff.of(data, before)
    const relevant = new BlockMap()
    for (const op of ops) relevant.addMap(await data.getCoveringProof(op.path))
    if (options.includeRoot === true && ops.length === 0) relevant.set(root, await this.block(root))
    // A record that is written again unchanged is no part of the diff, but consumers need its block (C11).
    for (const op of ops) {
      if (op.cid !== null) relevant.set(op.cid, records.get(op.cid) ?? (await this.block(op.cid)))
    }
    const commit = await signCommit({ did: this.did, version: 3, rev, prev: null, data: root }, keypair)
    const newBlocks = diff.newMstBlocks
    newBlocks.addMap(records)
    const cid = await newBlocks.add(commit)
    relevant.set(cid, newBlocks.get(cid) ?? new Uint8Array())
    const applied: CommitData = {
      cid,
      rev,
      since,
      prev: this.repo.cid,
      newBlocks,
      relevantBlocks: relevant,
      // Nothing is thrown away: two paths may hold one record, and a simulated repo is short-lived.
      removedCids: new CidSet(),
    }
    this.repo = await this.repo.applyCommit(applied)
    return commitBody(this.did, applied, ops, prevData)
  }

  /** Signs the same tree again under a new rev and maybe a new key; the reference PDS sends this as `#sync` only. */
  async resign(keypair: Keypair, rev: string): Promise<SyncBody> {
    this.repo = await this.repo.resignCommit(rev, keypair)
    return this.syncBody()
  }

  /** `#sync` of the current commit (S1: the commit block and nothing else). */
  async syncBody(): Promise<SyncBody> {
    const blocks = new BlockMap()
    blocks.set(this.head, await this.block(this.head))
    return { did: this.did, rev: this.rev, blocks: await blocksToCarFile(this.head, blocks) }
  }

  /** The whole repo as getRepo serves it. */
  async exportCar(): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of getFullRepo(this.storage, this.head)) parts.push(part)
    return Buffer.concat(parts)
  }

  /** The record at `path`, or null. */
  async record(path: string): Promise<Record<string, unknown> | null> {
    const cid = await this.repo.data.get(path)
    return cid === null ? null : cborToLexRecord(await this.block(cid))
  }

  private async block(cid: Cid): Promise<Uint8Array> {
    const bytes = await this.storage.getBytes(cid)
    if (bytes === null) throw new Error(`${this.did}: block ${cid.toString()} is not stored`)
    return bytes
  }
}

async function commitBody(
  did: string,
  commit: CommitData,
  ops: RepoOp[],
  prevData: Cid | null,
): Promise<CommitBody> {
  return {
    rebase: false,
    tooBig: false,
    repo: did,
    commit: commit.cid,
    rev: commit.rev,
    since: commit.since,
    blocks: await blocksToCarFile(commit.cid, commit.relevantBlocks),
    ops,
    blobs: [],
    ...(prevData === null ? {} : { prevData }),
  }
}
