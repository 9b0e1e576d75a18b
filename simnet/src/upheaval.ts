import { COMMITS_ONLY } from './activity.ts'
import type { SimNetwork } from './network.ts'

/** What goes on in the background: nothing that could excuse an event from coming through. */
export const QUIET_MIX = { ...COMMITS_ONLY, empty: 2, create: 4 }

/**
 * One move, rotation, renaming, deactivation, activation or deletion, of an account whose earlier words on itself have
 * all come through: two #account or #identity of one DID may be alike, and of an excused one and a required one the
 * checker could not tell which was served.
 */
export async function upheave(network: SimNetwork): Promise<void> {
  const { random } = network
  const settled = [...network.residents].filter(([did]) =>
    network.model
      .eventsOf(did)
      .every(({ type, seen }) => seen || (type !== '#account' && type !== '#identity')),
  )
  const asleep = settled.filter(([, { state }]) => state === 'deactivated')
  const awake = settled.filter(([, { state }]) => state === 'active')
  if (asleep.length > 0 && random.chance(0.3)) return network.reactivate(random.pick(asleep)[0])
  if (awake.length === 0) return
  const [did] = random.pick(awake)
  switch (random.int(9)) {
    case 0:
      return network.deleteAccount(did)
    case 1:
    case 2:
      return network.deactivate(did)
    case 3:
    case 4:
      return network.changeHandle(did, `renamed${random.int(1_000_000)}.test`)
    case 5:
    case 6:
      return network.rotateKey(did, random.pick(['k256', 'p256']))
    default: {
      // Never back to where it lived: its farewell there would count as the word of its PDS again.
      const targets = network.hosts.filter(({ accounts }) => !accounts.has(did))
      if (targets.length > 0) return network.migrate(did, random.pick(targets))
    }
  }
}
