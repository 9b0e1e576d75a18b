import { verifySignature } from '@atproto/crypto'
import { MemoryBlockstore, MST, readCar } from '@atproto/repo'
import * as dagCbor from '@ipld/dag-cbor'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SimAccount } from './account.ts'
import type { CommitBody } from './events.ts'
import type { Fault, FaultMessage } from './fault.ts'
import { FAULTS, HostileHost } from './hostile.ts'
import { HostileServer } from './hostile-servers.ts'
import { SimNetwork } from './network.ts'
import { Random } from './random.ts'
import { CheckingSubscriber } from './subscriber.ts'
import { decodeFrame, encodeFrame, webSocketPayload } from './wire.ts'

let network: SimNetwork
beforeEach(async () => {
  network = await SimNetwork.start({ seed: 21, hosts: 1, accountsPerHost: 1 })
})
afterEach(() => network.close())

/** Limits and policies: well-formed frames that a decoder and a tree cannot find fault with. */
const ONLY_LIMITS = new Set([
  'wire-deep-33',
  'wire-deep-100000',
  'wire-long-key',
  'wire-many-elements',
  'wire-oversize',
  'wire-text-frame',
  'car-over-10000-blocks',
])

async function make(fault: Fault): Promise<{ account: SimAccount; messages: FaultMessage[] }> {
  const account = await SimAccount.create({ random: new Random(fault.name), handle: 'x.test' })
  await account.bulk(12)
  const foreign = network.residents.values().next().value?.account ?? null
  return { account, messages: await fault.make({ account, foreign, seq: 40 }) }
}

/** Whether header and payload are two canonical items of the right kinds (W1-W4), found by encoding them again. */
function isCleanFrame(payload: Uint8Array): boolean {
  try {
    const { op, type, body } = decodeFrame(payload)
    const again = encodeFrame(type, body)
    // The reference codec takes finite floats, which W4 forbids.
    if (Object.values(body).some((value) => typeof value === 'number' && !Number.isInteger(value)))
      return false
    return op === 1 && type !== '' && Buffer.compare(again, payload) === 0
  } catch {
    return false
  }
}

/** C6 to C12 with the reference packages. */
async function isCleanCommit(body: CommitBody, didKey: string): Promise<boolean> {
  try {
    const { roots, blocks } = await readCar(body.blocks)
    const storage = new MemoryBlockstore(blocks)
    const root = blocks.get(body.commit)
    if (root === undefined || roots[0]?.equals(body.commit) !== true) return false
    const { sig, ...commit } = dagCbor.decode<Record<string, unknown>>(root)
    if (commit.did !== body.repo || commit.rev !== body.rev || commit.version !== 3 || commit.prev !== null)
      return false
    if (!(await verifySignature(didKey, dagCbor.encode(commit), sig as Uint8Array))) return false
    const data = commit.data as CommitBody['commit']
    const node = dagCbor.decode<{ e: unknown[] }>(blocks.get(data) ?? new Uint8Array())
    let tree = MST.load(storage, data)
    const entries = await tree.getEntries()
    // Made anew from its entries the root node must have the same CID: this finds every encoding but the canonical.
    const canonical = await MST.create(storage, entries)
    if (node.e.length === 0 || !(await canonical.getPointer()).equals(data)) return false
    for (const op of body.ops) {
      const value = await tree.get(op.path)
      if (op.cid === null ? value !== null : value?.equals(op.cid) !== true || !blocks.has(op.cid))
        return false
    }
    for (const op of [...body.ops].reverse()) {
      if (op.action === 'create') tree = await tree.delete(op.path)
      else if (op.action === 'update') tree = await tree.update(op.path, op.prev)
      else tree = await tree.add(op.path, op.prev)
    }
    const before = await Promise.all(body.ops.map(({ path }) => MST.load(storage, data).get(path)))
    const undone = body.ops.every((op, i) => op.action !== 'update' || before[i]?.equals(op.prev) === false)
    return undone && body.prevData !== undefined && (await tree.getPointer()).equals(body.prevData)
  } catch {
    return false
  }
}

describe('FAULTS', () => {
  it('have names of their own', () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length)
    expect(FAULTS.length).toBeGreaterThan(130)
  })

  it('on the wire: each is found by the strict decoder, and the frame without fault is not', async () => {
    expect(isCleanFrame(encodeFrame('#identity', { did: 'did:plc:a', seq: 1, time: 'x' }))).toBe(true)
    for (const fault of FAULTS.filter(
      ({ outcome, name }) => outcome === 'disconnect' && !ONLY_LIMITS.has(name),
    )) {
      const { messages } = await make(fault)
      expect(
        messages.map(({ payload }) => isCleanFrame(payload)),
        fault.name,
      ).toEqual([false])
    }
  })

  it('in a repo: each is found by the reference packages, and the commit without fault is not', async () => {
    const honest = await make({ name: 'honest', rule: '', outcome: 'ignore', make: () => [] })
    const { account } = honest
    const honestWrites = [() => account.post(), () => account.update(), () => account.delete()]
    for (const write of honestWrites)
      expect(await isCleanCommit(await write(), account.key.keypair.did())).toBe(true)
    const rules = ['C6', 'C7', 'C8', 'C10', 'C11', 'C12']
    for (const fault of FAULTS.filter(({ rule, name }) => rules.includes(rule) && !ONLY_LIMITS.has(name))) {
      const { account: author, messages } = await make(fault)
      for (const { payload } of messages) {
        // Apart from what it is meant to have wrong, the frame is right.
        expect(isCleanFrame(payload), fault.name).toBe(true)
        const { body } = decodeFrame(payload)
        expect(await isCleanCommit(body as unknown as CommitBody, author.key.keypair.did()), fault.name).toBe(
          false,
        )
      }
    }
  })

  it('has the sizes that the limits speak of', async () => {
    const named = async (name: string) => {
      const fault = FAULTS.find((candidate) => candidate.name === name)
      if (fault === undefined) throw new Error(name)
      return (await make(fault)).messages[0]?.payload ?? new Uint8Array()
    }
    expect((await named('wire-oversize')).length).toBe(5_000_001)
    expect((await named('blocks-over-2000000')).length > 2_000_000).toBe(true)
    expect(
      (decodeFrame(await named('sync-blocks-over-10000')).body.blocks as Uint8Array).length,
    ).toBeGreaterThan(10_000)
    expect((decodeFrame(await named('ops-201')).body.ops as unknown[]).length).toBe(201)
  })
})

describe('HostileHost', () => {
  it('sends any fault after an honest account creation, and floods', async () => {
    const host = await network.addHostileHost()
    expect(network.relayEnv().RELAY_HOSTS.split(',')).toContain(host.endpoint)
    const expectedBefore = network.model.size
    const seqs = await host.send('wire-truncated')
    expect(seqs).toEqual([6])
    expect(network.model.size - expectedBefore).toBe(5)
    const [did] = host.floodUnresolvable(50)
    host.floodLarge(1, 5_000_000, did ?? '')
    expect(webSocketPayload(host.log.at(host.log.length - 1)?.frame ?? new Uint8Array()).length).toBe(
      5_000_000,
    )
    const sub = await CheckingSubscriber.connect({ url: host.endpoint, cursor: 0, model: network.model })
    await sub.until(({ received }) => received >= 56, 5000)
    expect(sub.verdict().malformed).toHaveLength(1)
    await sub.close()
    expect(host).toBeInstanceOf(HostileHost)
  })
})

describe('HostileServer', () => {
  it('keeps its promises below the level of messages', async () => {
    const silent = await HostileServer.silentTcp()
    await expect(fetch(silent.endpoint, { signal: AbortSignal.timeout(100) })).rejects.toThrow()
    expect(silent.attempts).toBeGreaterThan(0)
    const loop = await HostileServer.redirectLoop()
    await expect(fetch(loop.endpoint)).rejects.toThrow()
    const quiet = await HostileServer.silentWebSocket()
    const drip = await HostileServer.slowDrip(encodeFrame('#identity', { did: 'did:plc:a' }), 5)
    const subs = await Promise.all(
      [quiet, drip].map(({ endpoint }) => CheckingSubscriber.connect({ url: endpoint })),
    )
    await subs[1]?.until(({ received }) => received === 1, 3000)
    expect(subs[0]?.received).toBe(0)
    await Promise.all([...subs, silent, loop, quiet, drip].map((item) => item.close()))
  })
})
