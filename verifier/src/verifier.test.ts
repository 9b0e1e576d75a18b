import type { BusEntry } from '@bgs/contract/bus/bus.ts'
import type { BrokenFrame } from '@bgs/contract/envelope/broken-frame.ts'
import type { EventType } from '@bgs/contract/envelope/event-type.ts'
import { heartbeatEnvelope, type RawEnvelope, rawBytes } from '@bgs/contract/envelope/raw.ts'
import type { VerifiedEnvelope } from '@bgs/contract/envelope/verified.ts'
import { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { MemoryTopic } from '@bgs/embedded/memory-topic.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { monotonicMs } from '@bgs/runtime/service/monotonic.ts'
import { SimAccount } from '@bgs/simnet/account.ts'
import { didDocument } from '@bgs/simnet/did-document.ts'
import { Random } from '@bgs/simnet/random.ts'
import { encodeFrame } from '@bgs/simnet/wire.ts'
import { until } from '@bgs/testkit/until.ts'
import { Registry } from 'prom-client'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { HostCharge } from './charges.ts'
import { PARKED_BYTES_PER_HOST, QUEUES_BYTES } from './did-queues.ts'
import { type Identity, readDocument } from './identity/document.ts'
import { verifierMetrics } from './metrics.ts'
import { PreparedIdentities, TRANSIENT } from './testing/prepared-identities.ts'
import { Verifier } from './verifier.ts'
import { VerifyPool } from './verify/pool.ts'

const HOST = 'localhost:2583'

/** A verifier without threads between two topics; what it publishes is kept and called done at once. */
class Scene implements AsyncDisposable {
  readonly identities = new PreparedIdentities(monotonicMs)
  readonly published: VerifiedEnvelope[] = []
  /** Seqs of raw entries, each time one was done. */
  readonly done: number[] = []
  readonly rejected: string[] = []
  readonly charged: HostCharge[] = []
  /** Each broken frame, and how many frames were done by then. */
  readonly broken: [BrokenFrame, done: number][] = []
  readonly #raw = new MemoryTopic<RawEnvelope>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  readonly #verified = new MemoryTopic<VerifiedEnvelope>({ generation: 1, partitions: 1, maxBytes: 1e9 })
  readonly #offer = this.#raw.producer<number>((seq) => this.done.push(seq))
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #seq = 0

  /**
   * `room` is what `verified` says of its room in place of the topic; `lagPausesMs` how long a directory that is behind is
   * given.
   */
  constructor(
    room?: () => Promise<void>,
    lagPausesMs: readonly number[] = [],
    wallNow: () => number = Date.now,
  ) {
    const raw = this.#raw.consumer()
    const verified = this.#verified.consumer()
    verified.onAvailable(() =>
      setImmediate(() => {
        for (const entry of verified.poll(1_000)) {
          this.published.push(entry.value)
          verified.done(entry)
        }
      }),
    )
    const metrics = verifierMetrics(new Registry())
    const inc = metrics.rejected.inc.bind(metrics.rejected) as (labels: { reason: string }) => void
    metrics.rejected.inc = ((labels: { reason: string }) => {
      this.rejected.push(labels.reason)
      inc(labels)
    }) as typeof metrics.rejected.inc
    const producer = this.#verified.producer<BusEntry<RawEnvelope>>((entry) => raw.done(entry))
    this.#running = new Verifier(
      {
        raw,
        verified: room === undefined ? producer : { publish: (...args) => producer.publish(...args), room },
        identities: this.identities,
        pool: new VerifyPool({ threads: 0, onFault: () => undefined }),
        metrics,
        rejections: new RejectionRecorder(undefined as never),
        onBrokenFrame: (frame) => this.broken.push([frame, this.done.length]),
        charge: (charge) => this.charged.push(charge),
        logger: createLogger('silent'),
        wallNow,
      },
      lagPausesMs,
    ).run(this.#stop.signal)
  }

  /** Offers a frame as a crawler does; returns its seq. */
  offer(type: EventType, did: string, body: object | Uint8Array, host = HOST): number {
    const seq = ++this.#seq
    const frame =
      body instanceof Uint8Array ? body : encodeFrame(type, { ...body, seq, time: new Date().toISOString() })
    const receivedMs = Date.now()
    const envelope = { type, did, host, epoch: 1, seq, receivedMs, lenient: false, frame }
    this.#offer.publish(0, envelope, rawBytes(envelope), seq)
    return seq
  }

  /** Says a heartbeat as a crawler does. */
  beat(): void {
    const envelope = heartbeatEnvelope(Date.now())
    this.#offer.publish(0, envelope, rawBytes(envelope), 0)
  }

  account(did: string): number {
    return this.offer('#account', did, { did, active: true })
  }

  /** Makes an identity known, as found so long ago. */
  know(identity: Identity, ageMs = 1_000): void {
    this.identities.cache.set(identity.did, { found: identity, startedMs: monotonicMs() - ageMs })
    this.identities.answers.set(identity.did, identity)
  }

  get offered(): number {
    return this.#seq
  }

  allDone(): Promise<void> {
    return until('all frames to be done', () => this.done.length >= this.#seq)
  }

  /** Seqs published of one DID, in order. */
  seqsOf(did: string): number[] {
    return this.published.filter((one) => one.did === did).map(({ hostSeq }) => hostSeq)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function identityFor(account: SimAccount): Identity {
  const { did, handle, key } = account
  const result = readDocument(
    JSON.stringify(didDocument({ did, handle, pds: `http://${HOST}`, key })),
    did,
    true,
  )
  if ('reason' in result) throw new Error(result.reason)
  return result.identity
}

const accounts: SimAccount[] = []
beforeAll(async () => {
  for (const name of ['a', 'b', 'c'])
    accounts.push(await SimAccount.create({ random: new Random(name), handle: `${name}.example.com` }))
})

let scene: Scene
beforeEach(() => {
  scene = new Scene()
})
afterEach(() => scene.stop())

describe('invariant 3: each DID in order, whatever its identity takes', () => {
  it('while one DID’s identity is slow others pass; then its frames come, in order', async () => {
    const [a, b, c] = accounts as [SimAccount, SimAccount, SimAccount]
    for (const account of [b, c]) scene.know(identityFor(account))
    scene.identities.answers.set(a.did, identityFor(a))
    scene.identities.slow.add(a.did)
    const sent = new Map<string, number[]>(accounts.map(({ did }) => [did, []]))
    for (let i = 0; i < 6; i++) {
      for (const account of [a, b, c])
        sent.get(account.did)?.push(scene.offer('#commit', account.did, await account.post()))
    }
    await until('the frames of b and c', () => scene.published.length === 12)
    expect(scene.seqsOf(a.did)).toEqual([])
    expect(scene.seqsOf(b.did)).toEqual(sent.get(b.did))
    expect(scene.seqsOf(c.did)).toEqual(sent.get(c.did))
    scene.identities.answer(a.did)
    await scene.allDone()
    expect(scene.seqsOf(a.did)).toEqual(sent.get(a.did))
    expect(scene.identities.fetchesOf(a.did)).toBe(1)
    expect(scene.rejected).toEqual([])
  })

  it('batches and queues of one DID keep its order: #account and #identity between commits', async () => {
    const [a, b] = accounts as [SimAccount, SimAccount]
    for (const account of [a, b]) scene.know(identityFor(account))
    const sent: number[] = []
    for (let i = 0; i < 12; i++) {
      if (i % 4 === 1) sent.push(scene.account(a.did))
      else if (i % 4 === 3) sent.push(scene.offer('#identity', a.did, { did: a.did }))
      else sent.push(scene.offer('#commit', a.did, await a.post()))
      scene.offer('#commit', b.did, await b.post())
    }
    await scene.allDone()
    expect(scene.seqsOf(a.did)).toEqual(sent)
    expect(scene.seqsOf(b.did)).toHaveLength(12)
  })

  it.each([1, 2, 3, 4])(
    'nothing is lost, nothing published or done twice, order kept: seed %d',
    async (seed) => {
      const random = new Random(seed)
      const dids = accounts.map(({ did }) => did)
      for (const account of accounts) scene.identities.answers.set(account.did, identityFor(account))
      const sent = new Map<string, number[]>(dids.map((did) => [did, []]))
      for (let i = 0; i < 60; i++) {
        const account = random.pick(accounts)
        const { did } = account
        if (random.chance(0.1)) scene.identities.slow.add(did)
        if (random.chance(0.2)) scene.identities.answer(random.pick(dids))
        if (random.chance(0.1)) scene.identities.cache.delete(did)
        const seqs = sent.get(did) as number[]
        const kind = random.int(4)
        if (kind > 1) seqs.push(scene.offer('#commit', did, await account.post()))
        else if (kind === 1) seqs.push(scene.offer('#identity', did, { did }))
        else seqs.push(scene.account(did))
        if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve))
      }
      for (const did of dids) scene.identities.answer(did)
      await scene.allDone()
      for (const did of dids) expect(scene.seqsOf(did)).toEqual(sent.get(did))
      expect(scene.done.toSorted((x, y) => x - y)).toEqual(
        Array.from({ length: scene.offered }, (_, i) => i + 1),
      )
    },
  )
})

it('ends when it is asked to, although what it publishes into has no room', async () => {
  const full = new Scene(() => new Promise(() => undefined))
  full.offer('#identity', (accounts[0] as SimAccount).did, { handle: 'a.example.com' })
  await full.stop()
  expect([full.published, full.done]).toEqual([[], []])
})

it('a heartbeat is judged and passed on, whatever waits for identities beside it', async () => {
  const [a] = accounts as [SimAccount]
  scene.identities.slow.add(a.did)
  scene.account(a.did)
  scene.beat()
  await until('the heartbeat', () => scene.published.length === 1)
  expect(scene.published[0]).toMatchObject({ isHeartbeat: true, did: '', repo: null, account: null })
  expect([scene.rejected, scene.charged]).toEqual([[], []])
})

it('W4, G1: who reads the host hears of a frame that breaks the stream, before it is done; of no other refusal', async () => {
  const [a, b] = accounts as [SimAccount, SimAccount]
  scene.know(identityFor(a))
  const whole = encodeFrame('#commit', { ...(await a.post()), seq: 1, time: new Date().toISOString() })
  const seq = scene.offer('#commit', a.did, Buffer.concat([whole, Uint8Array.of(0)]))
  await scene.allDone()
  expect(scene.broken).toEqual([[{ host: HOST, epoch: 1, seq, reason: scene.rejected[0] }, 0]])
  scene.offer('#commit', a.did, await a.post(), 'localhost:1')
  scene.know(identityFor(b))
  scene.offer('#commit', a.did, await b.post())
  await scene.allDone()
  expect(scene.rejected).toHaveLength(3)
  expect(scene.broken).toHaveLength(1)
})

it('a host is charged for what is refused, and no other', async () => {
  const [a] = accounts as [SimAccount]
  scene.know(identityFor(a))
  for (let i = 0; i < 5; i++) scene.offer('#commit', a.did, await a.post(), 'localhost:1')
  scene.offer('#commit', a.did, await a.post())
  await scene.allDone()
  // A frame for which the machine had no time is charged as a slow one, whosever it is.
  const charged = () => scene.charged.filter(({ refused }) => refused > 0)
  await until('the charges', () => charged().reduce((sum, { refused }) => sum + refused, 0) === 5)
  expect(new Set(charged().map(({ host }) => host))).toEqual(new Set(['localhost:1']))
})

describe('C8: a signature that fails', () => {
  it('one refetch finds the rotated key; what came before it and behind it passes in order', async () => {
    const account = await SimAccount.create({ random: new Random('rotates'), handle: 'r.example.com' })
    const { did } = account
    scene.know(identityFor(account))
    const sent = [scene.offer('#commit', did, await account.post())]
    await scene.allDone()
    await account.rotateKey()
    scene.identities.answers.set(did, identityFor(account))
    for (let i = 0; i < 5; i++) sent.push(scene.offer('#commit', did, await account.post()))
    await scene.allDone()
    expect(scene.seqsOf(did)).toEqual(sent)
    expect(scene.rejected).toEqual([])
    expect(scene.identities.fetchesOf(did)).toBe(1)
  })

  it('D7: the old key is not accepted after a refetch showed a new one', async () => {
    const account = await SimAccount.create({ random: new Random('rotates 2'), handle: 'r.example.com' })
    const { did } = account
    scene.know(identityFor(account))
    const old = await account.post()
    await account.rotateKey()
    scene.know(identityFor(account), -60_000)
    scene.offer('#commit', did, old)
    await scene.allDone()
    expect(scene.rejected).toEqual(['signature-invalid'])
    expect(scene.published).toEqual([])
    expect(scene.identities.fetchesOf(did)).toBe(0)
  })

  it('is refused after one refetch that shows the same key, and does not stop the next frame', async () => {
    const [a, b] = accounts as [SimAccount, SimAccount]
    scene.know({ ...identityFor(a), keyMultibase: identityFor(b).keyMultibase })
    scene.offer('#commit', a.did, await a.post())
    await scene.allDone()
    expect(scene.rejected).toEqual(['signature-invalid'])
    expect(scene.identities.fetchesOf(a.did)).toBe(1)
    scene.know(identityFor(a))
    const next = scene.offer('#commit', a.did, await a.post())
    await scene.allDone()
    expect(scene.seqsOf(a.did)).toEqual([next])
  })
})

it('G5: a host that is not the PDS is refused, the PDS is not held up by it (invariant 4)', async () => {
  const [a] = accounts as [SimAccount]
  scene.know(identityFor(a))
  scene.offer('#commit', a.did, await a.post(), 'localhost:1')
  const good = scene.offer('#commit', a.did, await a.post())
  await scene.allDone()
  expect(scene.rejected).toEqual(['host-not-authoritative'])
  expect(scene.seqsOf(a.did)).toEqual([good])
})

const frame = Buffer.alloc(100_000)
const overBudget = Math.ceil(PARKED_BYTES_PER_HOST / frame.length) + 2

describe('invariant 13: frames that wait for an identity', () => {
  const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

  it('beyond their host’s budget they are refused, each once; another DID of the host is not', async () => {
    const [b] = accounts as [SimAccount]
    scene.know(identityFor(b))
    scene.identities.answers.set(DID, TRANSIENT)
    for (let i = 0; i < overBudget; i++) scene.offer('#commit', DID, frame)
    const other = scene.offer('#commit', b.did, await b.post())
    await scene.allDone()
    expect(scene.rejected).toEqual(new Array<string>(overBudget).fill('identity-unavailable'))
    expect(scene.seqsOf(b.did)).toEqual([other])
  })

  it('within the budget they wait, and pass when the identity can be had', async () => {
    const [a] = accounts as [SimAccount]
    scene.identities.answers.set(a.did, TRANSIENT)
    const sent = [
      scene.offer('#commit', a.did, await a.post()),
      scene.offer('#commit', a.did, await a.post()),
    ]
    await until('a failed look-up', () => scene.identities.fetchesOf(a.did) === 1)
    scene.identities.answers.set(a.did, identityFor(a))
    await scene.allDone()
    expect(scene.seqsOf(a.did)).toEqual(sent)
  })

  it('many hosts, each within its own budget, do not fill it together: who holds most gives way', async () => {
    const [b] = accounts as [SimAccount]
    scene.know(identityFor(b))
    const big = Buffer.alloc(900_000)
    for (let i = 0; i < 20; i++) {
      const did = `did:web:never${i}.example.com`
      scene.identities.slow.add(did)
      scene.offer('#commit', did, big, `h${i}.example.com`)
    }
    // One that waits as long and holds little keeps its place.
    const small = 'did:web:small.example.net'
    scene.identities.slow.add(small)
    const waiting = scene.offer('#commit', small, Buffer.alloc(300), 'pds.example.net')
    const other = scene.offer('#commit', b.did, await b.post())
    await until('the other host', () => scene.published.length === 1)
    expect(scene.seqsOf(b.did)).toEqual([other])
    await until('the largest to give way', () => scene.done.length >= 12)
    expect(new Set(scene.rejected)).toEqual(new Set(['identity-unavailable']))
    expect(scene.done).not.toContain(waiting)
    expect((20 - scene.rejected.length) * big.length).toBeLessThanOrEqual(QUEUES_BYTES)
  })

  it('accounts that are all new wait for their turn at the directory, and none is refused; those of a host that speaks of others are', async () => {
    const big = Buffer.alloc(900_000)
    const didOf = (name: string, i: number) => `did:plc:${name}${String.fromCharCode(97 + i).repeat(20)}`
    const offerNew = (name: string, host: string) => {
      for (let i = 0; i < 20; i++) {
        scene.identities.slow.add(didOf(name, i))
        scene.offer('#commit', didOf(name, i), big, host)
      }
    }
    offerNew('honest', 'pds.example.net')
    await until('the look-ups', () => scene.identities.fetched.length === 20)
    expect(scene.done).toEqual([])
    // Of accounts that no document gives to it the other has spoken often.
    for (let i = 0; i < 20; i++)
      scene.offer('#commit', didOf('strange', i), Buffer.alloc(300), 'evil.example.org')
    await until('what it is known by', () => scene.done.length === 20)
    offerNew('flood', 'evil.example.org')
    await until('the flood to give way', () => scene.done.length >= 39)
    expect(scene.rejected.filter((reason) => reason === 'identity-unavailable').length).toBeGreaterThan(18)
    const answered = scene.done.length
    for (let i = 0; i < 20; i++) scene.identities.answer(didOf('honest', i))
    await until('what waited', () => scene.done.length >= answered + 20)
  })

  it('while the directory as a whole is down nothing is refused', async () => {
    const [b] = accounts as [SimAccount]
    scene.know(identityFor(b))
    scene.identities.circuitOpen = true
    scene.identities.answers.set(DID, TRANSIENT)
    for (let i = 0; i < overBudget; i++) scene.offer('#commit', DID, frame)
    await until('a failed look-up', () => scene.identities.fetchesOf(DID) >= 1)
    for (let i = 0; i < overBudget; i++) scene.offer('#commit', DID, frame)
    const other = scene.offer('#commit', b.did, await b.post())
    await until('the other DID', () => scene.published.length === 1)
    expect(scene.done).toEqual([other])
    expect(scene.rejected).toEqual([])
  })
})

it('C4: a slow clock of this machine refuses nothing; what lies in its future passes once it is right', async () => {
  const [a, b] = accounts as [SimAccount, SimAccount]
  let wallMs = Date.now() - 600_000
  await using slow = new Scene(undefined, [], () => wallMs)
  for (const account of [a, b]) slow.know(identityFor(account))
  const sent = [slow.offer('#commit', a.did, await a.post()), slow.offer('#commit', a.did, await a.post())]
  const others = [slow.offer('#commit', b.did, await b.post())]
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([slow.published, slow.rejected]).toEqual([[], []])
  wallMs += 600_000
  await slow.allDone()
  expect([slow.seqsOf(a.did), slow.seqsOf(b.did), slow.rejected]).toEqual([sent, others, []])
})

describe('a directory that is behind its hosts', () => {
  const LAG = [5, 10, 20, 40, 80]

  it('G6: a new account, not in the directory yet, loses nothing', async () => {
    await using lagging = new Scene(undefined, LAG)
    const account = await SimAccount.create({ random: new Random('new'), handle: 'new.example.com' })
    const { did } = account
    const sent = [lagging.offer('#identity', did, { did }), lagging.account(did)]
    for (let i = 0; i < 3; i++) sent.push(lagging.offer('#commit', did, await account.post()))
    await until('a look that found nothing', () => lagging.identities.fetchesOf(did) > 1)
    lagging.identities.answers.set(did, identityFor(account))
    await lagging.allDone()
    expect(lagging.seqsOf(did)).toEqual(sent)
    expect(lagging.rejected).toEqual([])
  })

  it('C8: a key that is not in the directory yet', async () => {
    await using lagging = new Scene(undefined, LAG)
    const account = await SimAccount.create({ random: new Random('key'), handle: 'key.example.com' })
    const { did } = account
    lagging.know(identityFor(account))
    await account.rotateKey()
    const sent = [lagging.offer('#identity', did, { did })]
    for (let i = 0; i < 3; i++) sent.push(lagging.offer('#commit', did, await account.post()))
    await until('a look that found the old key', () => lagging.identities.fetchesOf(did) > 2)
    lagging.identities.answers.set(did, identityFor(account))
    await lagging.allDone()
    expect(lagging.seqsOf(did)).toEqual(sent)
    expect(lagging.rejected).toEqual([])
  })

  it('C8, D7: what was signed with the former key a while ago is refused at once: no directory is so far behind', async () => {
    await using lagging = new Scene(undefined, [60_000], () => Date.now() + 20_000)
    const account = await SimAccount.create({ random: new Random('old'), handle: 'old.example.com' })
    lagging.know(identityFor(account))
    await account.rotateKey()
    for (let i = 0; i < 3; i++) lagging.offer('#commit', account.did, await account.post())
    await lagging.allDone()
    expect(lagging.rejected).toEqual(new Array(3).fill('signature-invalid'))
  })

  it('invariant 13: what comes behind more than a host may have waiting ends the pause, and is not lost', async () => {
    await using lagging = new Scene(undefined, [60_000])
    const account = await SimAccount.create({ random: new Random('heap'), handle: 'heap.example.com' })
    const { did } = account
    lagging.know(identityFor(account))
    await account.rotateKey()
    const first = lagging.offer('#commit', did, await account.post())
    await until('a look that found the old key', () => lagging.identities.fetchesOf(did) > 0)
    lagging.identities.answers.set(did, identityFor(account))
    const sent: number[] = []
    for (let i = 0; i < overBudget; i++)
      sent.push(lagging.offer('#commit', did, await account.post('x'.repeat(frame.length))))
    await lagging.allDone()
    expect(lagging.rejected).toEqual([])
    expect(lagging.seqsOf(did)).toEqual([first, ...sent])
  })

  it('G5: a move that is not in the directory yet: then the former host has no word any more', async () => {
    await using lagging = new Scene(undefined, LAG)
    const account = await SimAccount.create({ random: new Random('move'), handle: 'move.example.com' })
    const { did } = account
    lagging.know(identityFor(account))
    const next = 'localhost:2584'
    const sent = [
      lagging.offer('#account', did, { did, active: true }, next),
      lagging.offer('#identity', did, { did }, next),
      lagging.offer('#commit', did, await account.post(), next),
    ]
    lagging.account(did)
    await until('a look that found the former host', () => lagging.identities.fetchesOf(did) > 1)
    lagging.identities.answers.set(did, { ...identityFor(account), pdsHost: next })
    await lagging.allDone()
    expect(lagging.seqsOf(did)).toEqual(sent)
    expect(lagging.rejected).toEqual(['host-not-authoritative'])
  })

  it('G5, H10: what the directory never confirms is refused in the end; no stranger holds the PDS up again and again', async () => {
    await using lagging = new Scene(undefined, LAG)
    const [a] = accounts as [SimAccount]
    lagging.know(identityFor(a))
    for (let i = 0; i < 10; i++) lagging.offer('#commit', a.did, await a.post(), `localhost:${i + 1}`)
    const good = lagging.offer('#commit', a.did, await a.post())
    await lagging.allDone()
    expect(lagging.seqsOf(a.did)).toEqual([good])
    expect(lagging.rejected).toEqual(new Array(10).fill('host-not-authoritative'))
    // One look for each of the strangers, and a few more for one of them.
    expect(lagging.identities.fetchesOf(a.did)).toBeLessThanOrEqual(13)
  })
})
