import { TIME_BUCKETS } from '@bgs/runtime/service/metrics.ts'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Metrics of the sequencer. Labels come from closed sets only. */
export function sequencerMetrics(registry: Registry) {
  const registers = [registry]
  return {
    events: new Counter({
      name: 'relay_sequencer_events_total',
      help: 'Entries appended to the log, by type and by how they stand to what was known',
      labelNames: ['type', 'outcome'] as const,
      registers,
    }),
    rejected: new Counter({
      name: 'relay_sequencer_refused_events_total',
      help: 'Verified events that the state refused, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    bytes: new Counter({ name: 'relay_sequencer_bytes_total', help: 'Bytes appended to the log', registers }),
    head: new Gauge({ name: 'relay_sequencer_head_seq', help: 'Newest seq assigned', registers }),
    viewPosition: new Gauge({
      name: 'relay_sequencer_view_position_seq',
      help: 'Seq as of which the database holds the state',
      registers,
    }),
    viewLag: new Gauge({
      name: 'relay_sequencer_view_lag_events',
      help: 'Entries of the log that the database does not have yet',
      registers,
    }),
    viewWriting: new Gauge({
      name: 'relay_sequencer_view_writing_seconds',
      help: 'For how long the batch has been under way that brings the database up to the log; 0: none is',
      registers,
    }),
    newestEventAge: new Gauge({
      name: 'relay_sequencer_newest_event_age_seconds',
      help: 'Time since the newest event in the log was received from its host; 0: none since the start',
      registers,
    }),
    waiting: new Gauge({
      name: 'relay_sequencer_waiting_envelopes',
      help: 'Envelopes taken from the bus that one append could not hold',
      registers,
    }),
    dirtyAccounts: new Gauge({
      name: 'relay_sequencer_dirty_accounts',
      help: 'Accounts that have changed and are not in the database yet',
      registers,
    }),
    accountLoads: new Counter({
      name: 'relay_sequencer_account_loads_total',
      help: 'Accounts asked for, by whether they were in memory (hit) or read from the database (miss)',
      labelNames: ['result'] as const,
      registers,
    }),
    control: new Counter({
      name: 'relay_sequencer_control_messages_total',
      help: 'Messages taken from control, by kind and by whether they changed anything',
      labelNames: ['kind', 'outcome'] as const,
      registers,
    }),
    throttles: new Counter({
      name: 'relay_sequencer_throttles_total',
      help: 'Accounts that were throttled, because their host is full (limit) or for what they did (conduct)',
      labelNames: ['cause'] as const,
      registers,
    }),
    appendSeconds: new Histogram({
      name: 'relay_sequencer_append_seconds',
      help: 'Time of one append to the log: one durable write',
      buckets: TIME_BUCKETS,
      registers,
    }),
    endToEndSeconds: new Histogram({
      name: 'relay_sequencer_end_to_end_seconds',
      help: 'Time from a frame being received to its being durable in the log',
      buckets: TIME_BUCKETS,
      registers,
    }),
    cachedAccounts: new Gauge({
      name: 'relay_sequencer_cached_accounts',
      help: 'Accounts held in memory',
      registers,
    }),
    leader: new Gauge({
      name: 'relay_sequencer_leader',
      help: '1 while this process leads, 0 while it stands by',
      registers,
    }),
    knownHosts: new Gauge({
      name: 'relay_sequencer_known_hosts',
      help: 'Hosts in the database, by state',
      labelNames: ['status'] as const,
      registers,
    }),
    fullHosts: new Gauge({
      name: 'relay_sequencer_full_hosts',
      help: 'Hosts that have as many accounts as they may, or more',
      registers,
    }),
    accounts: new Gauge({
      name: 'relay_sequencer_accounts',
      help: 'Accounts that the hosts in the database have, without deleted ones',
      registers,
    }),
    throttledAccounts: new Gauge({
      name: 'relay_sequencer_throttled_accounts',
      help: 'Accounts that are throttled now, because their host is full (limit) or for what they did (conduct)',
      labelNames: ['cause'] as const,
      registers,
    }),
    trimFailures: new Counter({
      name: 'relay_sequencer_trim_failures_total',
      help: 'Times that the log could not be trimmed to its window: it grows until it can be',
      registers,
    }),
    logFull: new Counter({
      name: 'relay_sequencer_log_full_total',
      help: 'Appends put off because no space was left',
      registers,
    }),
  }
}

export type SequencerMetrics = ReturnType<typeof sequencerMetrics>
