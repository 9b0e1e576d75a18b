import * as common from './common-faults.ts'
import type { EmbeddedScene } from './embedded-scene.ts'
import type { Faults } from './faults.ts'

/** What goes wrong with an embedded relay. The order is part of what a seed stands for. */
export const EMBEDDED_FAULTS: Faults<EmbeddedScene> = {
  kill: common.kill,
  'power-loss': common.losePower,
  stop: common.stop,
  pause: common.pause,
  'cut-hosts': common.cutHosts,
  away: common.away,
  'cut-all': common.cutAll,
  hold: common.hold,
  slow: common.farAway,
  directory: common.directory,
  disk: common.disk,
  'slow-disk': common.slowDisk,
  'slow-database': {
    weight: 5,
    act: async ({ database, rest }, random) => {
      const ms = 100 + random.int(10_000)
      database.latencyMs = 20 + random.int(3_000)
      await rest(ms)
      database.latencyMs = 1
      return `the database is slow for ${ms} ms`
    },
  },
  clock: common.clock,
  subscriber: common.subscribers,
  upheaval: common.upheaval,
}
