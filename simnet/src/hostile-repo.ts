import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import type { SimAccount } from './account.ts'
import type { CommitBody } from './events.ts'
import { FAULT_TIME, type Fault, type FaultOutcome } from './fault.ts'
import {
  type Car,
  type CarBlock,
  type CommitObject,
  equal,
  firstBlockOnly,
  manyBlocks,
  rebuild,
  rootOf,
  sign,
  type TreeNode,
} from './recommit.ts'
import { createKey } from './sim-key.ts'
import { tidAt } from './tid-clock.ts'
import { encodeFrame } from './wire.ts'

const K256_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Faults inside `blocks`: C4 and C6 to C12, and those of #sync (S1). What changes the commit is signed again. */
export const REPO_FAULTS: readonly Fault[] = [
  car('car-no-roots', 'C6', (parts) => ({ ...parts, roots: [] })),
  car('car-wrong-root', 'C6', (parts) => ({ ...parts, roots: [parts.blocks[1]?.cid ?? new Uint8Array()] })),
  car('car-version-2', 'C6', (parts) => ({ ...parts, version: 2 })),
  car('car-wrong-hash', 'C6', (parts) => ({
    ...parts,
    blocks: parts.blocks.map((block, i) => (i === 1 ? spoil(block) : block)),
  })),
  car('car-commit-block-missing', 'C7', (parts) => ({ ...parts, blocks: parts.blocks.slice(1) })),
  car('car-record-block-missing', 'C11', (parts) => ({
    ...parts,
    blocks: parts.blocks.filter(({ bytes }) => isTree(bytes)),
  })),
  car('car-root-node-missing', 'C10', (parts) => ({
    ...parts,
    blocks: parts.blocks.filter(({ cid }) => !equal(cid, dataOf(parts))),
  })),
  car('car-over-10000-blocks', 'C6', (parts) => ({
    ...parts,
    blocks: [...parts.blocks, ...manyBlocks(10_001)],
  })),
  bytes('car-truncated', 'C6', (blocks) => blocks.subarray(0, -3)),
  bytes('car-garbage', 'C6', () => new Uint8Array([1, 2, 3])),
  bytes('car-huge-section-length', 'C6', (blocks) =>
    Buffer.concat([blocks, Buffer.from('ffffffffffffff7f', 'hex')]),
  ),
  bytes('car-section-length-unending', 'C6', (blocks) => Buffer.concat([blocks, Buffer.alloc(100, 0xff)])),
  signed('commit-did-other', 'C7', (commit) => ({ ...commit, did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' })),
  signed('commit-version-2', 'C7', (commit) => ({ ...commit, version: 2 })),
  signed('commit-rev-other', 'C7', (commit) => ({ ...commit, rev: tidAt(Date.now() - 86_400_000) })),
  signed('commit-prev-key-missing', 'C7', ({ prev: _, ...commit }) => commit),
  signed('commit-data-not-a-link', 'C7', (commit) => ({ ...commit, data: 'data' })),
  signature('signature-missing', () => null),
  signature('signature-empty', () => new Uint8Array()),
  signature('signature-flipped-bit', (sig) => sig.with(10, (sig[10] ?? 0) ^ 1), 'refresh-then-drop'),
  signature(
    'signature-high-s',
    (sig, account) => highS(sig, account.key.curve === 'k256' ? K256_ORDER : P256_ORDER),
    'refresh-then-drop',
  ),
  signature('signature-65-bytes', (sig) => Buffer.concat([sig, Buffer.from([0])]), 'refresh-then-drop'),
  signature('signature-zero', () => new Uint8Array(64), 'refresh-then-drop'),
  {
    name: 'signature-wrong-key',
    rule: 'C8',
    outcome: 'refresh-then-drop',
    make: async ({ account, seq }) => {
      const stranger = await createKey(account.random.fork('stranger'), account.key.curve)
      const body = await rebuild(await account.post(), (commit) => sign(commit, stranger.keypair))
      return [{ payload: encodeFrame('#commit', { ...body, seq, time: FAULT_TIME }) }]
    },
  },
  node('mst-bad-prefix', (tree) => withEntry(tree, { p: 3 })),
  node('mst-prefix-not-compressed', (tree) => ({ ...tree, e: tree.e.map(uncompressed(tree.e)) })),
  node('mst-unsorted-keys', (tree) => ({ ...tree, e: [...tree.e].reverse() })),
  node('mst-duplicate-key', (tree) => ({
    ...tree,
    e: [...tree.e, { ...tree.e.at(-1), p: 0, k: keyOf(tree.e, tree.e.length - 1) }],
  })),
  node('mst-unknown-field', (tree) => ({ ...tree, x: 1 })),
  node('mst-missing-left', ({ l: _, ...tree }) => tree),
  node('mst-top-without-entries', (tree, cid) => ({ ...tree, e: [], l: cid })),
  node('mst-value-not-a-link', (tree) => withEntry(tree, { v: 'record' })),
  node('mst-key-wrong-layer', (tree) =>
    withEntry(tree, { p: 0, k: Buffer.from('app.bsky.feed.like/aaaaaaaaaaaaa') }),
  ),
  timed('rev-future', 'C4', 'drop-invalid', async (account) => {
    const body = await account.applyWrites([], { rev: tidAt(Date.now() + 600_000) })
    return [['#commit', body]]
  }),
  timed('rev-stale', 'C4', 'drop-stale', async (account) => {
    // Older than the first commit, which the relay has from the account's creation.
    const body = await account.applyWrites([], { rev: tidAt(Date.now() - 86_400_000) })
    return [['#commit', body]]
  }),
  timed('commit-repeated', 'C4', 'drop-stale', (account) => [['#commit', account.firstCommit]]),
  timed('sync-rollback', 'S1', 'drop-stale', async (account) => {
    await account.post()
    const body = await rebuild(account.firstCommit, (commit) =>
      sign({ ...commit, rev: tidAt(Date.now() - 86_400_000) }, account.key.keypair),
    )
    return [['#sync', syncOf(account, body, true)]]
  }),
  timed('sync-fork', 'S1', 'drop-invalid', async (account) => {
    // The rev of the last commit again, over another tree.
    const { rev } = account.repo
    const body = await rebuild(await account.post(), (commit) =>
      sign({ ...commit, rev }, account.key.keypair),
    )
    return [['#sync', { ...syncOf(account, body, true), rev }]]
  }),
  timed('sync-blocks-over-10000', 'S1', 'drop-invalid', async (account) => {
    const body = await rebuild(
      await account.post(),
      (commit) => commit,
      (parts) => ({ ...parts, blocks: [...parts.blocks, ...manyBlocks(300)] }),
    )
    return [['#sync', syncOf(account, body, false)]]
  }),
  timed('sync-without-commit-block', 'S1', 'drop-invalid', async (account) => {
    const body = await rebuild(
      await account.post(),
      (commit) => commit,
      (parts) => ({ ...parts, blocks: parts.blocks.slice(1) }),
    )
    return [['#sync', syncOf(account, body, false)]]
  }),
]

function fault(
  name: string,
  rule: string,
  outcome: FaultOutcome,
  make: (body: CommitBody, account: SimAccount) => Promise<object>,
): Fault {
  return {
    name,
    rule,
    outcome,
    make: async ({ account, seq }) => {
      const body = await make(await account.post(), account)
      return [{ payload: encodeFrame('#commit', { ...body, seq, time: FAULT_TIME }) }]
    },
  }
}

function car(name: string, rule: string, change: (car: Car) => Car): Fault {
  return fault(name, rule, 'drop-invalid', (body) => rebuild(body, (commit) => commit, change))
}

function bytes(name: string, rule: string, change: (blocks: Uint8Array) => Uint8Array): Fault {
  return fault(name, rule, 'drop-invalid', async (body) => ({ ...body, blocks: change(body.blocks) }))
}

function signed(name: string, rule: string, change: (commit: CommitObject) => CommitObject): Fault {
  return fault(name, rule, 'drop-invalid', (body, account) =>
    rebuild(body, (commit) => sign(change(commit), account.key.keypair)),
  )
}

function signature(
  name: string,
  change: (sig: Uint8Array, account: SimAccount) => Uint8Array | null,
  outcome: FaultOutcome = 'drop-invalid',
): Fault {
  return fault(name, 'C8', outcome, (body, account) =>
    rebuild(body, ({ sig, ...commit }) => {
      const other = change(sig as Uint8Array, account)
      return other === null ? commit : { ...commit, sig: other }
    }),
  )
}

/** The root node of the tree changed, and everything above it signed as if it were right (3.4). */
function node(name: string, change: (tree: TreeNode, cid: CID) => object): Fault {
  return fault(name, 'C10', 'drop-invalid', async (first, account) => {
    let body = first
    // With one entry alone in the root some of these changes would change nothing.
    while ((await rootOf(body)).e.length < 2) body = await account.bulk(4)
    return rebuild(body, (commit) => sign(commit, account.key.keypair), undefined, change)
  })
}

function timed(
  name: string,
  rule: string,
  outcome: FaultOutcome,
  make: (account: SimAccount) => [string, object][] | Promise<[string, object][]>,
): Fault {
  return {
    name,
    rule,
    outcome,
    make: async ({ account, seq }) =>
      (await make(account)).map(([type, body], i) => ({
        payload: encodeFrame(type, { ...body, seq: seq + i, time: FAULT_TIME }),
      })),
  }
}

function syncOf(account: SimAccount, body: Record<string, unknown>, commitOnly: boolean): object {
  const blocks = body.blocks as Uint8Array
  return { did: account.did, rev: body.rev, blocks: commitOnly ? firstBlockOnly(blocks) : blocks }
}

function spoil({ cid, bytes: content }: CarBlock): CarBlock {
  return { cid, bytes: content.with(content.length - 1, (content.at(-1) ?? 0) ^ 1) }
}

function dataOf({ blocks }: Car): Uint8Array | undefined {
  const commit = dagCbor.decode<CommitObject>(blocks[0]?.bytes ?? new Uint8Array())
  return CID.asCID(commit.data)?.bytes
}

/** Commits and tree nodes, as opposed to records, by their fields. */
function isTree(content: Uint8Array): boolean {
  const value = dagCbor.decode<CommitObject>(content)
  return 'e' in value || 'data' in value
}

function withEntry(tree: TreeNode, change: Record<string, unknown>): TreeNode {
  return { ...tree, e: tree.e.map((entry, i) => (i === 0 ? { ...entry, ...change } : entry)) }
}

function keyOf(list: readonly Record<string, unknown>[], index: number): Uint8Array {
  let key = Buffer.alloc(0)
  for (const entry of list.slice(0, index + 1)) {
    key = Buffer.concat([key.subarray(0, Number(entry.p)), entry.k as Uint8Array])
  }
  return key
}

function uncompressed(list: readonly Record<string, unknown>[]) {
  return (entry: Record<string, unknown>, i: number) => ({ ...entry, p: 0, k: keyOf(list, i) })
}

function highS(sig: Uint8Array, order: bigint): Buffer {
  const out = Buffer.from(sig)
  const s = BigInt(`0x${out.toString('hex', 32)}`)
  out.write((order - s).toString(16).padStart(64, '0'), 32, 'hex')
  return out
}
