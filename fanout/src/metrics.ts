import { TIME_BUCKETS } from '@bgs/runtime/service/metrics.ts'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/**
 * Metrics of the fan-out, of one thread; those of several are added up, or the greatest counts. Labels come from closed
 * sets only.
 */
export function fanoutMetrics(registry: Registry) {
  const registers = [registry]
  return {
    subscribers: new Gauge({ name: 'relay_fanout_subscribers', help: 'Open subscriptions', registers }),
    subscriptions: new Counter({
      name: 'relay_fanout_subscriptions_total',
      help: 'Subscriptions asked for, by how they began',
      labelNames: ['start'] as const,
      registers,
    }),
    ended: new Counter({
      name: 'relay_fanout_subscriptions_ended_total',
      help: 'Subscriptions ended, by cause',
      labelNames: ['cause'] as const,
      registers,
    }),
    events: new Counter({
      name: 'relay_fanout_events_total',
      help: 'Events written to subscribers, by where they were read from',
      labelNames: ['source'] as const,
      registers,
    }),
    deflated: new Counter({
      name: 'relay_fanout_deflated_frames_total',
      help: 'Frames compressed, once each for all subscribers that asked for it',
      registers,
    }),
    bytes: new Counter({ name: 'relay_fanout_bytes_total', help: 'Bytes written to subscribers', registers }),
    windowBytes: new Gauge({
      name: 'relay_fanout_window_bytes',
      help: 'Bytes of the log in memory',
      // The threads share it.
      aggregator: 'max',
      registers,
    }),
    windowRestarts: new Counter({
      name: 'relay_fanout_window_restarts_total',
      help: 'Times that a serving thread had fallen behind the log, and its part of it in memory began anew',
      registers,
    }),
    queuedBytes: new Gauge({
      name: 'relay_fanout_queued_bytes',
      help: 'Bytes in the send buffers of all subscribers',
      registers,
    }),
    furthestBehind: new Gauge({
      name: 'relay_fanout_furthest_behind_bytes',
      help: 'Bytes of the log between its end and the subscriber that is furthest behind, about',
      aggregator: 'max',
      registers,
    }),
    head: new Gauge({
      name: 'relay_fanout_head_seq',
      help: 'Newest seq that can be served',
      aggregator: 'max',
      registers,
    }),
    newestEventAge: new Gauge({
      name: 'relay_fanout_newest_event_age_seconds',
      help: 'Time since the newest event that subscribers can get came here, looked at every few seconds',
      aggregator: 'max',
      registers,
    }),
    requests: new Counter({
      name: 'relay_fanout_requests_total',
      help: 'HTTP requests, by method of XRPC (known ones) and status',
      labelNames: ['method', 'status'] as const,
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'relay_fanout_request_seconds',
      help: 'Time to answer an HTTP request',
      buckets: TIME_BUCKETS,
      registers,
    }),
  }
}

export type FanoutMetrics = ReturnType<typeof fanoutMetrics>

/** Metrics of what feeds the threads that serve. */
export function feedMetrics(registry: Registry) {
  return {
    bytes: new Gauge({
      name: 'relay_fanout_feed_bytes',
      help: 'Bytes on their way to the serving threads',
      registers: [registry],
    }),
  }
}

/** Metrics of a node's mirror of the log. */
export function mirrorMetrics(registry: Registry) {
  const registers = [registry]
  return {
    lag: new Gauge({
      name: 'relay_fanout_mirror_lag_records',
      help: 'Records of the log that the mirror of this node does not have yet',
      registers,
    }),
    missing: new Gauge({
      name: 'relay_fanout_mirror_missing_records',
      help: 'Records of the log below what the mirror of this node has that it may yet fetch; cursors there are answered 503',
      registers,
    }),
    dropped: new Gauge({
      name: 'relay_fanout_mirror_dropped_seqs',
      help: 'Seqs that this node had, and may have served, and dropped at its start, because Kafka has lost what stood under them',
      registers,
    }),
    trimFailures: new Counter({
      name: 'relay_fanout_mirror_trim_failures_total',
      help: 'Times that the mirror could not be trimmed to its window: it grows until it can be',
      registers,
    }),
    full: new Counter({
      name: 'relay_fanout_mirror_full_total',
      help: 'Times that the mirror put a batch off because no space was left',
      registers,
    }),
  }
}
