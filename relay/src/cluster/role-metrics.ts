import type { KafkaProducer } from '@bgs/cluster/bus/kafka-producer.ts'
import type { Membership } from '@bgs/cluster/leases/membership.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import type { ServerHealth } from '@bgs/runtime/service/server-health.ts'
import {
  busMetrics,
  leaseMetrics,
  rejectionMetrics,
  serverMetrics,
} from '@bgs/runtime/service/shared-metrics.ts'
import type { Registry } from 'prom-client'
import { updateBookkeeping } from '../bookkeeping-metrics.ts'
import { bookkeepingMetrics, heartbeatMetrics, producerMetrics, trimMetrics } from '../metrics.ts'
import { updateRejections } from '../rejection-metrics.ts'
import type { RoleName } from './role-names.ts'
import type { Servers } from './servers.ts'
import type { Standstill } from './standstill.ts'

/** Metrics that every role of a cluster shows, declared once for all roles of a process. */
export function sharedMetrics(registry: Registry) {
  return {
    bus: busMetrics(registry),
    bookkeeping: bookkeepingMetrics(registry),
    heartbeat: heartbeatMetrics(registry),
    leases: leaseMetrics(registry),
    producers: producerMetrics(registry),
    rejections: rejectionMetrics(registry),
    servers: serverMetrics(registry),
    trims: trimMetrics(registry),
  }
}

export type SharedMetrics = ReturnType<typeof sharedMetrics>

/** Before the roles say what they have: the health of the servers; and nothing of partitions that are another's by now. */
export function refreshShared(
  { servers, rejections, bus, bookkeeping }: SharedMetrics,
  health: Servers['health'],
  recorder: RejectionRecorder | undefined,
  failures: ReadonlyMap<string, number>,
): void {
  updateBookkeeping(bookkeeping, failures)
  for (const [server, one] of Object.entries(health) as [string, ServerHealth][]) {
    servers.up.set({ server }, one.trouble === undefined ? 1 : 0)
    servers.away.set({ server }, one.awaySeconds)
    // It counts on its own, for it has no registry.
    servers.outages.remove({ server })
    servers.outages.inc({ server }, one.outages)
  }
  if (recorder !== undefined) updateRejections(rejections, recorder)
  bus.lagRecords.reset()
  bus.lagSeconds.reset()
}

/** Shows what is on its way to a topic. */
export function updateProducer(
  { producers }: SharedMetrics,
  topic: string,
  {
    pendingBytes,
    pendingRecords,
    retries,
    unwritable,
  }: Pick<KafkaProducer<unknown, unknown>, 'pendingBytes' | 'pendingRecords' | 'retries' | 'unwritable'>,
): void {
  producers.bytes.set({ topic }, pendingBytes)
  producers.records.set({ topic }, pendingRecords)
  producers.retries.remove({ topic })
  producers.retries.inc({ topic }, retries)
  producers.unwritable.remove({ topic })
  producers.unwritable.inc({ topic }, unwritable)
}

/** Shows who of a role lives, and whether this process gets work through. */
export function updateMembership(
  { leases }: SharedMetrics,
  role: RoleName,
  membership: Membership,
  standstill: Standstill,
): void {
  leases.members.set({ role }, membership.count)
  leases.live.set({ role }, membership.isLive ? 1 : 0)
  for (const [cause, ms] of standstill.ages) leases.standingStill.set({ role, cause }, ms / 1_000)
}
