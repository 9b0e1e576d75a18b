import type { SimAccount } from './account.ts'
import type { CommitBody } from './events.ts'
import { FAULT_TIME, type Fault, type FaultOutcome } from './fault.ts'
import { encodeFrame } from './wire.ts'

type Fields = Record<string, unknown>

/** Well-formed CBOR with wrong, missing or forbidden fields: sections 2, G1, G4, C2 to C5, C9, C11 and C12. */
export const FIELD_FAULTS: readonly Fault[] = [
  commit('field-repo-missing', 'G1', ({ repo: _, ...rest }) => rest),
  commit('field-repo-number', 'G1', (body) => ({ ...body, repo: 7 })),
  commit('field-blocks-text', 'G1', (body) => ({ ...body, blocks: 'blocks' })),
  commit('field-blocks-missing', 'G1', ({ blocks: _, ...rest }) => rest),
  commit('field-ops-map', 'G1', (body) => ({ ...body, ops: {} })),
  commit('field-ops-null', 'G1', (body) => ({ ...body, ops: null })),
  commit('field-op-number', 'G1', (body) => ({ ...body, ops: [7] })),
  commit('field-commit-text', 'G1', (body) => ({ ...body, commit: String(body.commit) })),
  commit('field-rev-number', 'G1', (body) => ({ ...body, rev: 7 })),
  commit('field-rev-missing', 'G1', ({ rev: _, ...rest }) => rest),
  commit('field-toobig-text', 'G1', (body) => ({ ...body, tooBig: 'false' })),
  commit('field-seq-text', 'G1', (body) => ({ ...body, seq: '7' })),
  commit('field-seq-missing', 'G1', ({ seq: _, ...rest }) => rest),
  commit('field-seq-negative', 'Q1', (body) => ({ ...body, seq: -1 })),
  commit('field-seq-zero', 'Q1', (body) => ({ ...body, seq: 0 })),
  commit('field-seq-over-2-53', 'W4', (body) => ({ ...body, seq: 2n ** 53n })),
  commit('did-upper-case', 'G4', (body) => ({ ...body, repo: String(body.repo).toUpperCase() })),
  commit('did-unsupported-method', 'G4', (body) => ({
    ...body,
    repo: 'did:key:zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N',
  })),
  commit('did-plc-short', 'G4', (body) => ({ ...body, repo: 'did:plc:abc' })),
  commit('did-web-path', 'D2', (body) => ({ ...body, repo: 'did:web:localhost:path' })),
  commit('did-empty', 'G4', (body) => ({ ...body, repo: '' })),
  commit('did-over-2048', 'G4', (body) => ({ ...body, repo: `did:web:${'a'.repeat(2050)}.test` })),
  commit('commit-toobig', 'C2', (body) => ({ ...body, tooBig: true })),
  commit('commit-rebase', 'C2', (body) => ({ ...body, rebase: true })),
  commit('blocks-empty', 'C3', (body) => ({ ...body, blocks: new Uint8Array() })),
  commit('blocks-over-2000000', 'C3', (body) => ({
    ...body,
    blocks: Buffer.concat([body.blocks as Uint8Array, Buffer.alloc(2_000_000)]),
  })),
  commit('ops-201', 'C3', (body) => ({ ...body, ops: Array.from({ length: 201 }, () => firstOp(body)) })),
  commit('rev-bad-syntax', 'C4', (body) => ({ ...body, rev: '0000000000000' })),
  commit('rev-not-the-commits', 'C7', (body) => ({ ...body, rev: '3zzzzzzzzzzzz' })),
  commit('time-bad-syntax', 'C5', (body) => ({ ...body, time: 'yesterday' })),
  commit('since-bad-syntax', 'C5', (body) => ({ ...body, since: 'x' })),
  commit('since-missing', 'G1', ({ since: _, ...rest }) => rest),
  commit('prevdata-missing', 'C5', ({ prevData: _, ...rest }) => rest),
  commit('prevdata-wrong', 'C12', (body) => ({ ...body, prevData: body.commit })),
  commit('op-unknown-action', 'C9', (body) => withOp(body, { action: 'upsert' })),
  commit('op-create-with-prev', 'C9', (body) => withOp(body, { prev: body.commit })),
  commit('op-create-as-update-without-prev', 'C9', (body) => withOp(body, { action: 'update' })),
  commit('op-create-without-cid', 'C9', (body) => withOp(body, { cid: null })),
  commit('op-delete-with-cid', 'C9', (body) => withOp(body, { action: 'delete', prev: body.commit })),
  commit('op-path-one-segment', 'C9', (body) => withOp(body, { path: 'app.bsky.feed.post' })),
  commit('op-path-three-segments', 'C9', (body) => withOp(body, { path: 'app.bsky.feed.post/a/b' })),
  commit('op-path-leading-slash', 'C9', (body) => withOp(body, { path: `/${String(firstOp(body).path)}` })),
  commit('op-path-bad-nsid', 'C9', (body) => withOp(body, { path: 'post/3jzfcijpj2z2a' })),
  commit('op-path-dotdot', 'C9', (body) => withOp(body, { path: 'app.bsky.feed.post/..' })),
  commit('op-path-over-1024', 'C9', (body) =>
    withOp(body, { path: `app.bsky.feed.post/${'a'.repeat(1024)}` }),
  ),
  commit('op-path-elsewhere', 'C11', (body) => withOp(body, { path: 'app.bsky.feed.post/3zzzzzzzzzzzz' })),
  commit('op-cid-wrong', 'C11', (body) => withOp(body, { cid: body.commit })),
  commit('op-duplicate-path', 'C9', (body) => ({ ...body, ops: [firstOp(body), firstOp(body)] })),
  commit('op-left-out', 'C12', (body) => ({ ...body, ops: [] })),
  commit('op-delete-invented', 'C12', (body) => ({
    ...body,
    ops: [
      ...(body.ops as Fields[]),
      { action: 'delete', path: 'app.bsky.feed.like/3aaaaaaaaaaaa', cid: null, prev: body.commit },
    ],
  })),
  commit(
    'op-update-wrong-prev',
    'C12',
    (body) => withOp(body, { prev: body.commit }),
    (account) => account.update(),
  ),
  commit(
    'op-update-as-create',
    'C12',
    (body) => ({ ...body, ops: [without(firstOp(body), 'prev', { action: 'create' })] }),
    (account) => account.update(),
  ),
  commit(
    'op-delete-wrong-prev',
    'C12',
    (body) => withOp(body, { prev: body.commit }),
    (account) => account.delete(),
  ),
  event('identity-did-missing', 'G1', '#identity', () => ({})),
  event('identity-did-number', 'G1', '#identity', () => ({ did: 7 })),
  event('account-active-missing', 'G1', '#account', ({ did }) => ({ did })),
  event('account-active-text', 'G1', '#account', ({ did }) => ({ did, active: 'false' })),
  event('account-status-number', 'G1', '#account', ({ did }) => ({ did, active: false, status: 7 })),
]

/** A valid commit of the account, its fields changed and nothing signed again. */
function commit(
  name: string,
  rule: string,
  change: (body: Fields) => Fields,
  write: (account: SimAccount) => Promise<CommitBody> = (account) => account.post(),
  outcome: FaultOutcome = 'drop-invalid',
): Fault {
  return {
    name,
    rule,
    outcome,
    make: async ({ account, seq }) => {
      const body = { ...(await write(account)), seq, time: FAULT_TIME }
      return [{ payload: encodeFrame('#commit', change(body)) }]
    },
  }
}

function event(name: string, rule: string, type: string, make: (account: SimAccount) => Fields): Fault {
  return {
    name,
    rule,
    outcome: 'drop-invalid',
    make: ({ account, seq }) => [{ payload: encodeFrame(type, { ...make(account), seq, time: FAULT_TIME }) }],
  }
}

function firstOp(body: Fields): Fields {
  return (body.ops as Fields[])[0] ?? {}
}

function withOp(body: Fields, change: Fields): Fields {
  return { ...body, ops: [{ ...firstOp(body), ...change }] }
}

function without(fields: Fields, name: string, change: Fields): Fields {
  const { [name]: _, ...rest } = fields
  return { ...rest, ...change }
}
