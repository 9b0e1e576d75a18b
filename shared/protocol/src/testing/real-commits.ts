import { type Keypair, P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import {
  type BlockMap,
  blocksToCarFile,
  MemoryBlockstore,
  type RecordCreateOp,
  type RecordWriteOp,
  Repo,
  WriteOpAction,
} from '@atproto/repo'
import { encode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { tidFromMicros } from '../syntax/tid.ts'
import { seeded } from './seeded.ts'

/** Commits of one account as its host would send them, made with the reference implementation. */
export type RealCommits = { did: string; didKey: string; frames: Uint8Array[]; nowMs: number }

export type CommitPlan = {
  curve: 'k256' | 'p256'
  /** Records in the repo before the first frame. */
  records: number
  commits: number
  seed: number
  /** Operations in a commit, at most. Each may create, update or delete. */
  maxOps?: number
  /** Bytes of text in a record. */
  textBytes?: number
  /** Send only the proofs that a commit needs, or also every new block. */
  onlyProofs?: boolean
}

/** Where a record is, as the reference types it. */
type Path = Pick<RecordCreateOp, 'collection' | 'rkey'>

const DID = 'did:plc:realcommits2222222222222'
const COLLECTIONS = ['app.bsky.feed.post', 'app.bsky.feed.like', 'app.bsky.graph.follow'] as const
const START_MICROS = 1_750_000_000_000_000

/** Builds a repo and `commits` frames that follow it, each with its own operations, from the seed. */
export async function makeRealCommits(plan: CommitPlan): Promise<RealCommits> {
  const random = seeded(plan.seed)
  const keypair: Keypair =
    plan.curve === 'k256' ? await Secp256k1Keypair.create() : await P256Keypair.create()
  const paths: Path[] = []
  let micros = START_MICROS
  const create = (): RecordCreateOp => {
    micros += 1 + random(90_000_000)
    const collection = COLLECTIONS[random(COLLECTIONS.length)]!
    const path: Path = { collection, rkey: tidFromMicros(micros, random(1_024)) }
    paths.push(path)
    return {
      action: WriteOpAction.Create,
      ...path,
      record: record(collection, plan.textBytes ?? 200, random),
    }
  }
  const initial = Array.from({ length: plan.records }, create)
  let repo = await Repo.create(new MemoryBlockstore(), DID, keypair, initial)
  const frames: Uint8Array[] = []
  for (let i = 0; i < plan.commits; i++) {
    const writes: RecordWriteOp[] = []
    const touched = new Set<string>()
    const wanted = 1 + random(plan.maxOps ?? 1)
    while (writes.length < wanted) {
      const kind = paths.length > 0 ? random(4) : 0
      if (kind < 2) {
        const write = create()
        touched.add(`${write.collection}/${write.rkey}`)
        writes.push(write)
        continue
      }
      const index = random(paths.length)
      const path = paths[index]!
      if (touched.has(`${path.collection}/${path.rkey}`)) {
        if (touched.size >= paths.length) writes.push(create())
        continue
      }
      touched.add(`${path.collection}/${path.rkey}`)
      if (kind === 2) {
        writes.push({
          action: WriteOpAction.Update,
          ...path,
          record: record(path.collection, plan.textBytes ?? 200, random),
        })
      } else {
        paths.splice(index, 1)
        writes.push({ action: WriteOpAction.Delete, ...path })
      }
    }
    const before = repo
    const commit = await before.formatCommit(writes, keypair)
    repo = await before.applyCommit(commit)
    const blocks: BlockMap = commit.relevantBlocks
    if (!plan.onlyProofs) blocks.addMap(commit.newBlocks)
    frames.push(await encodeFrame(before, repo, writes, blocks, commit, i + 1))
  }
  return { did: DID, didKey: keypair.did(), frames, nowMs: Date.now() + 60_000 }
}

type CommitData = { cid: { bytes: Uint8Array }; rev: string; since: string | null }

async function encodeFrame(
  before: Repo,
  after: Repo,
  writes: RecordWriteOp[],
  blocks: BlockMap,
  commit: CommitData,
  seq: number,
): Promise<Uint8Array> {
  const ops = []
  for (const { action, collection, rkey } of writes) {
    const path = `${collection}/${rkey}`
    const cid = await after.data.get(path)
    const prev = await before.data.get(path)
    ops.push({ action, path, cid: cid && link(cid), ...(prev === null ? {} : { prev: link(prev) }) })
  }
  const payload = {
    ops,
    rev: commit.rev,
    seq,
    repo: DID,
    time: new Date().toISOString(),
    blobs: [],
    since: commit.since,
    blocks: await blocksToCarFile(after.cid, blocks),
    commit: link(commit.cid),
    rebase: false,
    tooBig: false,
    prevData: link(before.commit.data),
  }
  return Uint8Array.from(Buffer.concat([encode({ op: 1, t: '#commit' }), encode(payload)]))
}

function link(cid: { bytes: Uint8Array }): CID {
  return CID.decode(cid.bytes)
}

function record($type: string, textBytes: number, random: (bound: number) => number) {
  let text = ''
  while (text.length < textBytes) text += random(36).toString(36)
  return { $type, text, langs: ['en'], createdAt: new Date(random(2_000_000_000) * 1_000).toISOString() }
}
