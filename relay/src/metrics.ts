import { Counter, Gauge, type Registry } from 'prom-client'

/** Metrics that only who wires the stages together knows. */
export function heartbeatMetrics(registry: Registry) {
  return {
    age: new Gauge({
      name: 'relay_heartbeat_age_seconds',
      help: 'Time since something last came through a stage of the way; a heartbeat does every 10 s, whatever hosts say',
      labelNames: ['stage'] as const,
      registers: [registry],
    }),
  }
}

export type HeartbeatMetrics = ReturnType<typeof heartbeatMetrics>

/** Metrics of the bookkeeping of a process. */
export function bookkeepingMetrics(registry: Registry) {
  return {
    failures: new Counter({
      name: 'relay_bookkeeping_failures_total',
      help: 'Failures of bookkeeping, by task: it is begun anew, and nothing that was accepted hangs on it',
      labelNames: ['task'] as const,
      registers: [registry],
    }),
  }
}

export type BookkeepingMetrics = ReturnType<typeof bookkeepingMetrics>

/** Metrics of the webhook; its name is from when a sequencer called it. */
export function webhookMetrics(registry: Registry) {
  return {
    calls: new Counter({
      name: 'relay_sequencer_webhook_calls_total',
      help: 'Calls of the webhook for account limits, by result',
      labelNames: ['result'] as const,
      registers: [registry],
    }),
  }
}

export type WebhookMetrics = ReturnType<typeof webhookMetrics>

/** Metrics of the disk that the log, or a mirror of it, is on. */
export function diskMetrics(registry: Registry) {
  const registers = [registry]
  return {
    free: new Gauge({
      name: 'relay_disk_free_bytes',
      help: 'Free space where the data folder is',
      registers,
    }),
    total: new Gauge({
      name: 'relay_disk_total_bytes',
      help: 'All space where the data folder is',
      registers,
    }),
  }
}

export type DiskMetrics = ReturnType<typeof diskMetrics>

/** Metrics of a crawler in a cluster. */
export function crawlerRoleMetrics(registry: Registry) {
  return {
    backlog: new Gauge({
      name: 'relay_crawler_backlog_bytes',
      help: 'Bytes of raw that no verifier has consumed',
      registers: [registry],
    }),
  }
}

/** Metrics of a verifier in a cluster. */
export function verifierRoleMetrics(registry: Registry) {
  const registers = [registry]
  return {
    lag: new Gauge({
      name: 'relay_verifier_lag_records',
      help: 'Records of raw, in the partitions of this verifier, that are not consumed',
      registers,
    }),
    partitions: new Gauge({
      name: 'relay_verifier_partitions',
      help: 'Partitions of raw that this verifier has leased',
      registers,
    }),
    backlog: new Gauge({
      name: 'relay_verifier_backlog_bytes',
      help: 'Bytes of verified that the sequencer has not consumed',
      registers,
    }),
  }
}

/** Metrics of what a process has sent to Kafka and Kafka has not acknowledged. */
export function producerMetrics(registry: Registry) {
  const labelNames = ['topic'] as const
  const registers = [registry]
  return {
    bytes: new Gauge({
      name: 'relay_producer_pending_bytes',
      help: 'Bytes for a topic that the brokers have not acknowledged',
      labelNames,
      registers,
    }),
    records: new Gauge({
      name: 'relay_producer_pending_records',
      help: 'Records for a topic that the brokers have not acknowledged',
      labelNames,
      registers,
    }),
    retries: new Counter({
      name: 'relay_producer_retries_total',
      help: 'Times that something for a partition of a topic had to be offered again',
      labelNames,
      registers,
    }),
    unwritable: new Counter({
      name: 'relay_producer_unwritable_total',
      help: 'Values for a topic that could not be written down, and were refused as internal-error',
      labelNames,
      registers,
    }),
  }
}

/** Metrics of what is removed from Kafka when it is consumed. */
export function trimMetrics(registry: Registry) {
  return {
    failures: new Counter({
      name: 'relay_trim_failures_total',
      help: 'Times that the consumed records of a topic could not be removed: it grows until they can be',
      labelNames: ['topic'] as const,
      registers: [registry],
    }),
  }
}
