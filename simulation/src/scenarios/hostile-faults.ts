import { FAULTS } from '@bgs/simnet/hostile.ts'
import { EMBEDDED_FAULTS } from './embedded-faults.ts'
import type { Faults } from './faults.ts'
import type { HostileScene } from './hostile-scene.ts'

/** A host that lies about its own sequence is read anew: its own accounts say twice what they said. */
const MESSAGES = FAULTS.filter(({ rule }) => rule !== 'Q11')

/** What goes wrong with an embedded relay, and what hosts do that none should. The order is part of what a seed stands for. */
export const HOSTILE_FAULTS: Faults<HostileScene> = {
  ...EMBEDDED_FAULTS,
  'hostile-message': {
    weight: 80,
    act: async ({ hostile }, random) => {
      const fault = random.pick(MESSAGES)
      await hostile.send(fault)
      return `the hostile host sends ${fault.name} (${fault.rule})`
    },
  },
  'hostile-identities': {
    weight: 6,
    act: async ({ hostile }, random) => {
      const count = 1 + random.int(200)
      hostile.floodForeignIdentity(count)
      return `the hostile host speaks ${count} times of an account of another`
    },
  },
  'hostile-strangers': {
    weight: 6,
    act: async ({ hostile }, random) => {
      const fault = random.pick(['hang', 'error', 'unknown'] as const)
      const count = 1 + random.int(100)
      hostile.floodUnresolvable(count, { dids: 1 + random.int(30), fault })
      return `the hostile host sends ${count} commits of accounts that the directory does not tell of (${fault})`
    },
  },
}
