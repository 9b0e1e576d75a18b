import { beforeAll, describe, expect, it } from 'vitest'
import { SimAccount } from './account.ts'
import { didOf, type SimEvent } from './events.ts'
import { StreamModel } from './model.ts'
import { Random } from './random.ts'
import { StreamChecker, type Verdict } from './stream-checker.ts'
import { encodeFrame } from './wire.ts'

/** Two repos, four events each. */
const events: SimEvent[] = []
beforeAll(async () => {
  for (const name of ['a', 'b']) {
    const account = await SimAccount.create({ random: new Random(name), handle: `${name}.test` })
    events.push({ type: '#identity', body: { did: account.did, handle: account.handle } })
    events.push({ type: '#account', body: { did: account.did, active: true } })
    for (let i = 0; i < 2; i++) events.push({ type: '#commit', body: await account.post() })
  }
})

interface Served {
  seq: number
  type: string
  body: object
}

/** What a faultless relay serves, to be spoilt by `spoil`. */
function checker(
  spoil: (stream: Served[]) => Served[] = (stream) => stream,
  prepare?: (model: StreamModel) => void,
): Verdict {
  const model = new StreamModel()
  for (const event of events) model.expect(event)
  prepare?.(model)
  const verdict = new StreamChecker(model)
  verdict.beginConnection(0)
  for (const { seq, type, body } of spoil(stream())) {
    verdict.observe(encodeFrame(type, { ...body, seq, time: '2026-01-01T00:00:00Z' }))
  }
  return verdict.verdict()
}

function stream(): Served[] {
  return events.map(({ type, body }, i) => ({ seq: 100 + i, type, body }))
}

function didOfFirst(): string {
  const [first] = events
  if (first === undefined) throw new Error('events are made in beforeAll')
  return didOf(first)
}

/** The kinds of fault that the verdict names. */
function kinds(verdict: Verdict): string[] {
  return Object.entries(verdict)
    .filter(([, value]) => Array.isArray(value) && value.length > 0)
    .map(([name]) => name)
    .sort()
}

function swap(list: Served[], i: number, j: number): Served[] {
  const [a, b] = [list[i] as Served, list[j] as Served]
  list[i] = { ...b, seq: a.seq }
  list[j] = { ...a, seq: b.seq }
  return list
}

describe('StreamChecker', () => {
  it('accepts the stream as it should be, other repos in between and the handle left out', () => {
    expect(checker()).toMatchObject({ ok: true, received: 8 })
    // Events of two repos have no order between them.
    expect(checker((list) => swap(list, 3, 4)).ok).toBe(true)
    expect(
      checker(([first, ...rest]) => [{ ...(first as Served), body: { did: didOfFirst() } }, ...rest]).ok,
    ).toBe(true)
  })

  it('takes what is served for the required one of two that look alike, where what follows shows it', () => {
    const did = didOfFirst()
    const prepare = (model: StreamModel) => {
      model.excuseInFlight(did)
      model.allowOwnIdentity(did)
      model.expect({ type: '#account', body: { did, active: true } })
      model.expect({ type: '#identity', body: { did, handle: 'moved.test' } })
    }
    const account = { seq: 200, type: '#account', body: { did, active: true } }
    const identity = { seq: 201, type: '#identity', body: { did, handle: 'moved.test' } }
    const others = (list: Served[]) => list.slice(4)
    expect(checker((list) => [...others(list), account, identity], prepare)).toMatchObject({ ok: true })
    // Both were served: the first is the excused one.
    const both = (list: Served[]) => [...others(list), { ...account, seq: 199 }, account, identity]
    expect(checker(both, prepare)).toMatchObject({ ok: true })
    // Nothing behind it came: it may as well have been the excused one.
    expect(kinds(checker((list) => [...others(list), account], prepare))).toEqual(['missing'])
    expect(kinds(checker((list) => [...others(list), identity], prepare))).toEqual(['missing'])
  })

  it('does so for several in a row, and where nothing follows', () => {
    const did = didOfFirst()
    const [identity, account, commit] = stream() as [Served, Served, Served]
    const prepare = (model: StreamModel) => {
      model.excuseInFlight(did)
      model.expect({ type: '#account', body: account.body } as SimEvent)
      model.expect({ type: '#identity', body: identity.body } as SimEvent)
    }
    const once = (list: Served[]) => [...list.slice(4), { ...account, seq: 200 }, { ...identity, seq: 201 }]
    expect(checker(once, prepare)).toMatchObject({ ok: true })
    const withMore = (model: StreamModel) => {
      prepare(model)
      model.expect({ type: '#commit', body: { ...commit.body, rev: '3zzzzzzzzzzz2' } } as SimEvent)
    }
    const more = { seq: 202, type: '#commit', body: { ...commit.body, rev: '3zzzzzzzzzzz2' } }
    expect(checker((list) => [...once(list), more], withMore)).toMatchObject({ ok: true })
    // One of two required ones is missing, whichever it was.
    expect(kinds(checker((list) => [...list.slice(4), { ...identity, seq: 201 }, more], withMore))).toEqual([
      'missing',
    ])
  })

  it('finds a missing event', () => {
    expect(kinds(checker((list) => list.filter((_, i) => i !== 2)))).toEqual(['missing'])
  })

  it('allows what is in flight to be missing, but not to be repeated', () => {
    const excuse = (model: StreamModel) => model.excuseInFlight(didOfFirst())
    expect(checker((list) => list.slice(4), excuse).ok).toBe(true)
    expect(kinds(checker((list) => [...list, { ...(list[2] as Served), seq: 200 }], excuse))).toEqual([
      'duplicate',
    ])
  })

  it('allows as many #identity of the relay itself as the model says, wherever they come', () => {
    const own = { seq: 99, type: '#identity', body: { did: didOfFirst() } }
    const late = { ...own, seq: 300 }
    const allow = (model: StreamModel) => model.allowOwnIdentity(didOfFirst())
    expect(checker((list) => [...list, late], allow).ok).toBe(true)
    expect(checker((list) => [own, ...list], allow).ok).toBe(true)
    expect(kinds(checker((list) => [own, ...list, late], allow))).toEqual(['duplicate'])
  })

  it('takes what came early for what is missing, where it may have been taken for the relay’s own', () => {
    const did = didOfFirst()
    const prepare = (model: StreamModel) => {
      model.allowOwnIdentity(did)
      model.expect({ type: '#account', body: { did, active: false, status: 'throttled' } } as SimEvent)
      model.expect({ type: '#identity', body: { did } } as SimEvent)
    }
    const identity = { seq: 300, type: '#identity', body: { did } }
    const account = { seq: 301, type: '#account', body: { did, active: false, status: 'throttled' } }
    expect(checker((list) => [...list, identity, account], prepare)).toMatchObject({ ok: true })
    expect(kinds(checker((list) => [...list, account], prepare))).toEqual(['missing'])
  })

  it('allows an #account of the relay itself where the host was asked, and said so', () => {
    const did = didOfFirst()
    const own = { seq: 300, type: '#account', body: { did, active: true } }
    const allow = (model: StreamModel) => model.allowOwnAccount(did, { active: true })
    expect(checker((list) => [...list, own], allow).ok).toBe(true)
    expect(kinds(checker((list) => [...list, own, { ...own, seq: 301 }], allow))).toEqual(['duplicate'])
    const another = (model: StreamModel) =>
      model.allowOwnAccount(did, { active: false, status: 'deactivated' })
    expect(kinds(checker((list) => [...list, own], another))).toEqual(['duplicate'])
  })

  it('finds an event that comes twice', () => {
    expect(kinds(checker((list) => [...list, { ...(list[2] as Served), seq: 200 }]))).toEqual(['duplicate'])
  })

  it('finds two events of a repo in the wrong order', () => {
    expect(kinds(checker((list) => swap(list, 2, 3)))).toEqual(['outOfOrder'])
  })

  it('allows what was in flight at a move to come behind the word of the new host, but not behind its commits', () => {
    const did = didOfFirst()
    const [, account, commit, sync] = stream() as [Served, Served, Served, Served]
    const prepare = (model: StreamModel) => {
      model.excuseInFlight(did)
      const moved = { ...account.body, status: 'throttled' }
      model.expect({ type: '#account', body: moved } as SimEvent, { host: 'new', optional: true })
      model.expect({ type: '#commit', body: { ...commit.body, rev: '3zzzzzzzzzzz2' } } as SimEvent, {
        host: 'new',
      })
    }
    const moved = { seq: 201, type: '#account', body: { ...account.body, status: 'throttled' } }
    const after = { seq: 203, type: '#commit', body: { ...commit.body, rev: '3zzzzzzzzzzz2' } }
    const served = (...last: Served[]) => checker((list) => [...list.slice(4), ...last], prepare)
    expect(served(moved, { ...sync, seq: 202 }, after)).toMatchObject({ ok: true })
    expect(kinds(served(moved, after, { ...sync, seq: 204 }))).toEqual(['outOfOrder'])
  })

  it('finds a seq that does not rise', () => {
    expect(kinds(checker((list) => list.map((item, i) => (i === 5 ? { ...item, seq: 99 } : item))))).toEqual([
      'missing',
      'outOfOrder',
    ])
  })

  it('finds one changed byte of blocks and one changed op', () => {
    const spoilBlocks = checker((list) => {
      const item = list[2] as Served
      const blocks = Uint8Array.from((item.body as { blocks: Uint8Array }).blocks)
      blocks[blocks.length - 1] = (blocks.at(-1) ?? 0) ^ 1
      return list.with(2, { ...item, body: { ...item.body, blocks } })
    })
    expect(kinds(spoilBlocks)).toEqual(['changed', 'missing'])
    const spoilOps = checker((list) =>
      list.with(2, { ...(list[2] as Served), body: { ...list[2]?.body, ops: [] } }),
    )
    expect(kinds(spoilOps)).toEqual(['changed', 'missing'])
  })

  it('finds another status, an invented event and bytes that are no frame', () => {
    const wrongStatus = (list: Served[]) =>
      list.with(1, { ...(list[1] as Served), body: { ...list[1]?.body, active: false } })
    expect(kinds(checker(wrongStatus))).toEqual(['missing', 'unexpected'])
    const stranger = { seq: 300, type: '#identity', body: { did: 'did:plc:stranger' } }
    expect(kinds(checker((list) => [...list, stranger]))).toEqual(['unexpected'])
    const broken = new StreamChecker(new StreamModel())
    broken.beginConnection(0)
    broken.observe(new Uint8Array([0xa0]))
    expect(kinds(broken.verdict())).toEqual(['malformed'])
  })

  it('follows a reconnect: repeats under the same seq are right, another seq or a hole is not', () => {
    const replay = (second: (list: Served[]) => Served[]) => {
      const model = new StreamModel()
      for (const event of events) model.expect(event)
      const verdict = new StreamChecker(model)
      const serve = (list: Served[]) => {
        for (const { seq, type, body } of list)
          verdict.observe(encodeFrame(type, { ...body, seq, time: 'now' }))
      }
      verdict.beginConnection(0)
      serve(stream().slice(0, 6))
      verdict.beginConnection(102)
      serve(second(stream().slice(3)))
      return verdict.verdict()
    }
    expect(replay((list) => list).ok).toBe(true)
    expect(kinds(replay((list) => list.filter((_, i) => i !== 1)))).toEqual(['holes'])
    expect(kinds(replay((list) => list.map((item) => ({ ...item, seq: item.seq + 1000 }))))).toContain(
      'duplicate',
    )
    // Seqs handed to other events, as by a relay that counts anew after a restart.
    expect(kinds(replay((list) => swap(list, 1, 2)))).toContain('changed')
  })
})
