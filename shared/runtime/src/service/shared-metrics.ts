import { Counter, Gauge, type Registry } from 'prom-client'

/** Metrics of what the stages share: the bus, the servers of a cluster, leases. Labels come from closed sets only. */
export function busMetrics(registry: Registry) {
  const registers = [registry]
  return {
    pendingBytes: new Gauge({
      name: 'relay_bus_pending_bytes',
      help: 'Bytes on a topic in memory that are not done',
      labelNames: ['topic'] as const,
      registers,
    }),
    pendingRecords: new Gauge({
      name: 'relay_bus_pending_records',
      help: 'Records on a topic in memory that are not done',
      labelNames: ['topic'] as const,
      registers,
    }),
    lagRecords: new Gauge({
      name: 'relay_bus_lag_records',
      help: 'Records of a partition that this process reads and that are not done',
      labelNames: ['topic', 'partition'] as const,
      registers,
    }),
    lagSeconds: new Gauge({
      name: 'relay_bus_lag_seconds',
      help: 'Age of the oldest record of a partition that this process has taken up and that is not done; 0: there is none',
      labelNames: ['topic', 'partition'] as const,
      registers,
    }),
  }
}

export type BusMetrics = ReturnType<typeof busMetrics>

/** Metrics of the servers that a process of a cluster leans on. */
export function serverMetrics(registry: Registry) {
  const labelNames = ['server'] as const
  const registers = [registry]
  return {
    up: new Gauge({
      name: 'relay_server_up',
      help: '1 while a server of the cluster answers this process, else 0',
      labelNames,
      registers,
    }),
    away: new Gauge({
      name: 'relay_server_away_seconds',
      help: 'Since when a server has not answered this process; 0: it answers',
      labelNames,
      registers,
    }),
    clockSkew: new Gauge({
      name: 'relay_clock_skew_seconds',
      help: "By how much this process's clock is ahead of the database's; negative: behind it",
      registers,
    }),
    outages: new Counter({
      name: 'relay_server_outages_total',
      help: 'Times that a server did not answer this process for a second or more',
      labelNames,
      registers,
    }),
  }
}

/** Metrics of membership and leases in a cluster. */
export function leaseMetrics(registry: Registry) {
  const registers = [registry]
  return {
    members: new Gauge({
      name: 'relay_lease_members',
      help: 'Live processes of a role, as this one of them sees it',
      labelNames: ['role'] as const,
      registers,
    }),
    live: new Gauge({
      name: 'relay_lease_live',
      help: '1 while this process is alive for others, 0 where it could not renew its lease',
      labelNames: ['role'] as const,
      registers,
    }),
    standingStill: new Gauge({
      name: 'relay_lease_standing_still_seconds',
      help: 'For how long this process has got no work through to what a role needs, by cause; 0: it does. Others take over what it leased where they do',
      labelNames: ['role', 'cause'] as const,
      registers,
    }),
    changes: new Counter({
      name: 'relay_lease_changes_total',
      help: 'Leases that this process gained or lost, by what is leased',
      labelNames: ['lease', 'change'] as const,
      registers,
    }),
  }
}

/** Metrics of the operator listener. */
export function opsMetrics(registry: Registry) {
  return {
    requests: new Counter({
      name: 'relay_ops_requests_total',
      help: 'Requests to the operator listener, by page and status: 401, 403 and 429 are denials of the admin API',
      labelNames: ['page', 'status'] as const,
      registers: [registry],
    }),
  }
}

/** Metrics of the recorder of rejections. */
export function rejectionMetrics(registry: Registry) {
  const registers = [registry]
  return {
    waiting: new Gauge({
      name: 'relay_refusals_waiting_notes',
      help: 'Pairs of host and reason, and accounts, that were noted as refused and are not written yet',
      registers,
    }),
    leftOut: new Counter({
      name: 'relay_refusals_left_out_total',
      help: 'Refusals that were counted and not noted, for too many waited to be written',
      registers,
    }),
  }
}

export type RejectionMetrics = ReturnType<typeof rejectionMetrics>
