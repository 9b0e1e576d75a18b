import { setTimeout as delay } from 'node:timers/promises'
import type { SimNetwork } from './network.ts'
import type { Random } from './random.ts'

export type ActivityKind =
  | 'post'
  | 'like'
  | 'follow'
  | 'update'
  | 'delete'
  | 'bulk'
  | 'empty'
  | 'handle'
  | 'rotate'
  | 'deactivate'
  | 'migrate'
  | 'create'
  | 'remove'

/** How often each thing happens, relative to the others: mostly likes, posts and follows, as on the live network. */
const REALISTIC_MIX: Record<ActivityKind, number> = {
  post: 300,
  like: 420,
  follow: 120,
  update: 30,
  delete: 70,
  bulk: 15,
  empty: 2,
  handle: 4,
  rotate: 3,
  deactivate: 6,
  migrate: 4,
  create: 4,
  remove: 1,
}

/** Only what makes commits: nothing in flight is ever excused. */
export const COMMITS_ONLY: Partial<Record<ActivityKind, number>> = {
  post: 300,
  like: 420,
  follow: 120,
  update: 30,
  delete: 70,
  bulk: 15,
}

/** Steps between two paces of the clock; finer would only cost timers. */
const PACE_MILLIS = 20

/** Lets random things happen at a rate until the signal aborts. Returns how many. The network's seed decides which. */
export async function runActivity(
  network: SimNetwork,
  ratePerSecond: number,
  signal: AbortSignal,
  mix: Partial<Record<ActivityKind, number>> = REALISTIC_MIX,
): Promise<number> {
  const started = performance.now()
  let done = 0
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - started) / 1000) * ratePerSecond)
    for (; done < due && !signal.aborted; done++) await act(network, mix)
    await delay(PACE_MILLIS, undefined, { signal }).catch(() => undefined)
  }
  await network.idle()
  return done
}

/** Lets `count` random things happen, as fast as they can be made. */
export async function runActions(
  network: SimNetwork,
  count: number,
  mix: Partial<Record<ActivityKind, number>> = REALISTIC_MIX,
): Promise<void> {
  for (let i = 0; i < count; i++) await act(network, mix)
  await network.idle()
}

async function act(network: SimNetwork, mix: Partial<Record<ActivityKind, number>>): Promise<void> {
  const { random } = network
  const sleeping = [...network.residents.values()].filter(({ state }) => state === 'deactivated')
  // Whoever went to sleep comes back soon, so that a long run does not run out of people.
  if (sleeping.length > 0 && random.chance(0.05)) {
    await network.reactivate(random.pick(sleeping).account.did)
    return
  }
  const awake = [...network.residents.values()].filter(({ state }) => state === 'active')
  if (awake.length === 0) {
    await network.createAccount(random.pick(network.hosts))
    return
  }
  const { account } = random.pick(awake)
  const other = random.pick(awake).account
  const did = account.did
  switch (chooseKind(random, mix, account.records.length)) {
    case 'post':
      await network.commit(did, (self) => self.post())
      return
    case 'like':
      await network.commit(did, (self) =>
        self.like(`at://${other.did}/${other.records[0] ?? 'none'}`, self.repo.head.toString()),
      )
      return
    case 'follow':
      await network.commit(did, (self) => self.follow(other.did))
      return
    case 'update':
      await network.commit(did, (self) => self.update())
      return
    case 'delete':
      await network.commit(did, (self) => self.delete())
      return
    case 'bulk':
      await network.commit(did, (self) => self.bulk(2 + random.int(random.chance(0.1) ? 199 : 20)))
      return
    case 'empty':
      await network.commit(did, (self) => self.emptyCommit())
      return
    case 'handle':
      await network.changeHandle(did, `renamed${random.int(1_000_000)}.test`)
      return
    case 'rotate':
      await network.rotateKey(did, random.pick(['k256', 'p256']))
      return
    case 'deactivate':
      await network.deactivate(did)
      return
    case 'migrate':
      await network.migrate(did, random.pick(network.hosts))
      return
    case 'create':
      await network.createAccount(random.pick(network.hosts))
      return
    case 'remove':
      await network.deleteAccount(did)
  }
}

function chooseKind(
  random: Random,
  mix: Partial<Record<ActivityKind, number>>,
  records: number,
): ActivityKind {
  const kinds = Object.entries(mix) as [ActivityKind, number][]
  let left = random.float() * kinds.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [kind, weight] of kinds) {
    left -= weight
    // A new repo has nothing to change or delete.
    if (left < 0) return records === 0 && (kind === 'update' || kind === 'delete') ? 'post' : kind
  }
  return 'post'
}
