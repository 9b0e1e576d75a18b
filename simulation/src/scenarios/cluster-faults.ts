import type { ClusterScene } from './cluster-scene.ts'
import * as common from './common-faults.ts'
import { cutOff, resetServer } from './cut-off.ts'
import type { Faults } from './faults.ts'
import * as servers from './server-faults.ts'

/** What goes wrong with a cluster. The order is part of what a seed stands for. */
export const CLUSTER_FAULTS: Faults<ClusterScene> = {
  kill: { ...common.kill, weight: 24 },
  'power-loss': common.losePower,
  stop: { ...common.stop, weight: 8 },
  pause: { ...common.pause, weight: 12 },
  'cut-off': cutOff,
  'reset-server': resetServer,
  'cut-hosts': common.cutHosts,
  away: common.away,
  'cut-all': common.cutAll,
  hold: common.hold,
  slow: common.farAway,
  directory: common.directory,
  disk: common.disk,
  'slow-disk': common.slowDisk,
  clock: { ...common.clock, weight: 10 },
  subscriber: common.subscribers,
  upheaval: common.upheaval,
  broker: servers.killBroker,
  leaders: servers.moveLeaders,
  'broker-hangs': servers.brokersAre('hung', 4, (kafka, at) => {
    kafka.hang(at)
    return () => kafka.resume(at)
  }),
  'broker-frozen': servers.brokersAre('told nothing of the others', 3, (kafka, at) => {
    kafka.freeze(at)
    return () => kafka.thaw(at)
  }),
  'broker-slow': servers.brokersAre('slow', 3, (kafka, at, random) => {
    kafka.slow(at, 10 + random.int(1_000))
    return () => kafka.slow(at, 0)
  }),
  'broker-throttles': servers.brokersAre('throttling', 3, (kafka, at, random) => {
    kafka.throttle(at, 10 + random.int(2_000))
    return () => kafka.throttle(at, 0)
  }),
  'broker-blind': servers.brokersAre('giving nothing to who fetches', 3, (kafka, at) => {
    kafka.blind(at, true)
    return () => kafka.blind(at, false)
  }),
  'broker-lost-answers': servers.brokersAre('losing its answers', 5, (kafka, at, random) => {
    kafka.loseAnswers(at, 1 + random.int(5))
    return () => kafka.loseAnswers(at, 0)
  }),
  postgres: servers.killPostgres,
  'postgres-hangs': servers.hangPostgres,
  'postgres-mood': servers.postgresMood,
  redis: servers.killRedis,
  'redis-flush': servers.flushRedis,
  'redis-hangs': servers.hangRedis,
}
