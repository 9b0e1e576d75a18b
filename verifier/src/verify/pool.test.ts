import { until } from '@bgs/testkit/until.ts'
import { afterEach, expect, it } from 'vitest'
import { VerifyPool, type VerifyPoolOptions } from './pool.ts'
import { readVerdict, type VerifyReply } from './reply.ts'
import type { VerifyItem } from './request.ts'

const LARGE = 40
const SMALL = 4
const pools: VerifyPool[] = []
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close()
})

function poolOf(
  threads: number,
  options: Pick<VerifyPoolOptions, 'idleMs' | 'isForFloods'> = {},
): { pool: VerifyPool; faults: unknown[] } {
  const faults: unknown[] = []
  const pool = new VerifyPool({ threads, onFault: (error) => faults.push(error), ...options })
  pools.push(pool)
  return { pool, faults }
}

/** Frames of bytes that are none, so many of so many bytes; each is refused for what it is. */
function items(count: number, bytes = 1): VerifyItem[] {
  return Array.from(
    { length: count },
    (_, i) =>
      ({
        envelope: { frame: new Uint8Array(bytes).fill(i), lenient: false },
        identity: { keyType: 'Multikey', keyMultibase: 'z', handle: '' },
      }) as unknown as VerifyItem,
  )
}

function reasons(reply: VerifyReply, count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => readVerdict(reply, i).reason)
}

const verify = async (pool: VerifyPool, count: number) => {
  const verdicts = reasons(await pool.verify(items(count), 0), count)
  expect(verdicts).toEqual(new Array(count).fill('frame-malformed'))
}

/** Until large batches are verified by a thread. */
async function untilThreaded(pool: VerifyPool): Promise<void> {
  await verify(pool, LARGE)
  await until('a thread', () => pool.readyThreads > 0)
}

it('small batches need no thread', async () => {
  const { pool } = poolOf(2)
  for (let i = 0; i < 10; i++) await verify(pool, SMALL)
  expect(pool.threads).toBe(0)
})

it('a large one begins the threads, and is verified without them until they are ready', async () => {
  const { pool, faults } = poolOf(2)
  const first = pool.verify(items(LARGE), 0)
  expect(pool.threads).toBe(2)
  expect(pool.hasRoom).toBe(true)
  expect(await Promise.race([first, Promise.resolve(undefined)]), 'at once').toBeDefined()
  await untilThreaded(pool)
  expect(faults).toEqual([])
})

it('threads take no more than they can have in hand; what follows waits, small or not, and all is answered', async () => {
  const { pool } = poolOf(1)
  await untilThreaded(pool)
  const counts = [LARGE, LARGE, LARGE, SMALL]
  const replies = counts.map((count) => pool.verify(items(count), 0))
  expect(pool.hasRoom).toBe(false)
  expect(pool.queued).toBe(2)
  expect((await Promise.all(replies)).map((reply, i) => reasons(reply, counts[i] as number).length)).toEqual(
    counts,
  )
  expect(pool.queued).toBe(0)
  expect(pool.hasRoom).toBe(true)
})

it('threads that have had nothing to do for long are ended, and begun again for the next flood', async () => {
  const { pool, faults } = poolOf(2, { idleMs: -1 })
  await untilThreaded(pool)
  await verify(pool, SMALL)
  expect(pool.threads).toBe(0)
  await untilThreaded(pool)
  expect(pool.threads).toBe(2)
  expect(faults).toEqual([])
})

it('of two cores a flood needs no thread, and a large frame has one', async () => {
  const { pool } = poolOf(1, { isForFloods: false })
  await verify(pool, LARGE)
  expect(pool.threads).toBe(0)
  await pool.verify(items(1, 65_537), 0)
  expect(pool.threads).toBe(1)
  await until('a thread', () => pool.readyThreads > 0)
  const large = pool.verify(items(1, 65_537), 0)
  expect(await Promise.race([large, Promise.resolve(undefined)]), 'elsewhere').toBeUndefined()
  await large
})

it('without threads all is verified here', async () => {
  const { pool } = poolOf(0)
  await verify(pool, LARGE)
  expect(pool.threads).toBe(0)
  expect(pool.hasRoom).toBe(true)
})
