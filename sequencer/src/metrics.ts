import { TIME_BUCKETS } from '@bgs/shared/service/metrics.ts'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Figures of the sequencer. Labels come from closed sets only. */
export function sequencerMetrics(registry: Registry) {
  const registers = [registry]
  return {
    events: new Counter({
      name: 'relay_sequencer_events_total',
      help: 'Entries appended to the log, by type and by how they stand to what was known',
      labelNames: ['type', 'outcome'] as const,
      registers,
    }),
    refused: new Counter({
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
      help: 'Seqs between the end of the log and the database',
      registers,
    }),
    appendSeconds: new Histogram({
      name: 'relay_sequencer_append_seconds',
      help: 'Time of one append to the log: write and fdatasync',
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
    logFull: new Counter({
      name: 'relay_sequencer_log_full_total',
      help: 'Appends put off because no space was left',
      registers,
    }),
  }
}

export type SequencerMetrics = ReturnType<typeof sequencerMetrics>
