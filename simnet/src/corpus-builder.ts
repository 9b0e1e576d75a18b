import { CborWriter } from './cbor-writer.ts'
import { commitDigest, commitFrame, type FastCommit, FastRepo, type FastWrite } from './fast-repo.ts'
import { createFastKey, type FastKey } from './fast-signer.ts'
import { cidOf, type Leaf } from './fast-tree.ts'
import type { Random } from './random.ts'
import { TidClock } from './tid-clock.ts'

/** One commit of a corpus: the ready WebSocket frame and what the model needs to know of it. */
export interface BuiltCommit {
  frame: Buffer
  account: number
  rev: string
  digest: number
}

export interface BuiltAccount {
  did: string
  handle: string
  key: FastKey
}

export interface HostPlan {
  random: Random
  host: number
  accounts: number
  commits: number
  recordSize: number
  seedRecords: number
  p256Share: number
  inTurn: boolean
}

/** Revs of corpora begin here: in the past, so that no clock calls them future ones (protocol.md C4). */
const FIRST_MILLIS = Date.UTC(2026, 0, 1)

const POST = 'app.bsky.feed.post'
const LIKE = 'app.bsky.feed.like'
const FOLLOW = 'app.bsky.graph.follow'
const writer = new CborWriter()

interface Author extends BuiltAccount {
  repo: FastRepo
  random: Random
  paths: string[]
}

/** Accounts of one host, and its commits in the order of the host's sequence. */
export function* buildHost(plan: HostPlan, accounts: BuiltAccount[]): Generator<BuiltCommit> {
  let now = FIRST_MILLIS
  const clock = new TidClock(() => now, plan.host)
  const authors = Array.from({ length: plan.accounts }, (_, i) => createAuthor(plan, i, clock))
  accounts.push(...authors.map(({ did, handle, key }) => ({ did, handle, key })))
  for (let seq = 1; seq <= plan.commits; seq++) {
    // A second each: fifty commits of an account lie some minutes to hours apart, as a person's do.
    now += 1000
    const account = plan.inTurn ? (seq - 1) % authors.length : plan.random.int(authors.length)
    const author = authors[account]
    if (author === undefined) throw new RangeError('a corpus needs at least one account for each host')
    const time = new Date(now).toISOString()
    const commit: FastCommit = author.repo.commit([nextWrite(author, plan, clock, time)], clock.next())
    yield { frame: commitFrame(commit, seq, time), account, rev: commit.rev, digest: commitDigest(commit) }
  }
}

function createAuthor(plan: HostPlan, index: number, clock: TidClock): Author {
  const random = plan.random.fork(index)
  const did = `did:plc:${random.text(24)}`
  const key = createFastKey(random, random.chance(plan.p256Share) ? 'p256' : 'k256')
  const leaves: Leaf[] = Array.from({ length: plan.seedRecords }, () => ({
    key: `${random.chance(0.4) ? POST : random.chance(0.7) ? LIKE : FOLLOW}/${clock.next()}`,
    // Records from before the corpus: their blocks are never asked for, so any CID will do.
    value: cidOf(random.bytes(8)),
  }))
  leaves.sort((a, b) => (a.key < b.key ? -1 : 1))
  const repo = new FastRepo(did, key, leaves, clock.next())
  return {
    did,
    handle: `c${plan.host}-${index}.test`,
    key,
    repo,
    random,
    paths: leaves.map((leaf) => leaf.key),
  }
}

function nextWrite(author: Author, plan: HostPlan, clock: TidClock, time: string): FastWrite {
  const { random, paths } = author
  const choice = random.float()
  if (choice < 0.08 && paths.length > 10) {
    const [path] = paths.splice(random.int(paths.length), 1)
    if (path !== undefined) return { action: 'delete', path }
  }
  if (choice < 0.12 && paths.length > 0) {
    return { action: 'update', path: random.pick(paths), record: postRecord(random, plan.recordSize, time) }
  }
  const collection = choice < 0.5 ? POST : choice < 0.88 ? LIKE : FOLLOW
  const path = `${collection}/${clock.next()}`
  paths.push(path)
  const record =
    collection === POST ? postRecord(random, plan.recordSize, time) : pointerRecord(random, collection, time)
  return { action: 'create', path, record }
}

function postRecord(random: Random, size: number, time: string): Uint8Array {
  // About 75 bytes are keys, type, language and time.
  const text = random.text(Math.max(1, size - 75))
  writer.map(4).text('text').text(text).text('$type').text(POST)
  return writer.text('langs').array(1).text('en').text('createdAt').text(time).take()
}

function pointerRecord(random: Random, collection: string, time: string): Uint8Array {
  const did = `did:plc:${random.text(24)}`
  writer.map(3).text('$type').text(collection).text('subject')
  if (collection === FOLLOW) writer.text(did)
  else {
    writer
      .map(2)
      .text('cid')
      .text(`bafyrei${random.text(52)}`)
    writer.text('uri').text(`at://${did}/${POST}/${random.text(13)}`)
  }
  return writer.text('createdAt').text(time).take()
}
