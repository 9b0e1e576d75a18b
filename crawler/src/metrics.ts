import { Counter, Gauge, type Registry } from 'prom-client'

/** Metrics of the crawler. Labels come from closed sets only. */
export function crawlerMetrics(registry: Registry) {
  const registers = [registry]
  return {
    frames: new Counter({
      name: 'relay_crawler_frames_total',
      help: 'Frames received from hosts, by type',
      labelNames: ['type'] as const,
      registers,
    }),
    bytes: new Counter({
      name: 'relay_crawler_bytes_total',
      help: 'Bytes of frames received from hosts',
      registers,
    }),
    rejected: new Counter({
      name: 'relay_crawler_refused_frames_total',
      help: 'Frames refused or passed over at the first look, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    connects: new Counter({
      name: 'relay_crawler_connects_total',
      help: 'Attempts to subscribe to a host, by how they ended or that they were opened',
      labelNames: ['result'] as const,
      registers,
    }),
    handshakeFailures: new Counter({
      name: 'relay_crawler_handshake_failures_total',
      help: 'Connections to hosts that were never opened, by why',
      labelNames: ['failure'] as const,
      registers,
    }),
    hosts: new Gauge({
      name: 'relay_crawler_hosts',
      help: 'Hosts known to this crawler, by state',
      labelNames: ['status'] as const,
      registers,
    }),
    connected: new Gauge({
      name: 'relay_crawler_connected_hosts',
      help: 'Hosts with an open subscription',
      registers,
    }),
    unfinishedBytes: new Gauge({
      name: 'relay_crawler_unfinished_bytes',
      help: 'Bytes of messages that hosts have begun to send and not finished',
      registers,
    }),
    inFlightBytes: new Gauge({
      name: 'relay_crawler_in_flight_bytes',
      help: 'Bytes of frames that are not yet safe',
      registers,
    }),
    pauses: new Counter({
      name: 'relay_crawler_pauses_total',
      help: 'Times a host was read no further for a while, by cause',
      labelNames: ['cause'] as const,
      registers,
    }),
    epochs: new Counter({
      name: 'relay_crawler_host_epochs_total',
      help: 'Times a host was found to have begun its sequence anew',
      registers,
    }),
    hostLeases: new Counter({
      name: 'relay_crawler_host_leases_total',
      help: 'Hosts that this crawler took up, lost to another, or gave up',
      labelNames: ['change'] as const,
      registers,
    }),
    recheckWaiting: new Gauge({
      name: 'relay_crawler_waiting_status_rechecks',
      help: 'Questions to hosts for the status of an account that wait for their turn',
      registers,
    }),
    rechecks: new Counter({
      name: 'relay_crawler_status_rechecks_total',
      help: 'Questions to hosts for the status of an account, by result',
      labelNames: ['result'] as const,
      registers,
    }),
  }
}

export type CrawlerMetrics = ReturnType<typeof crawlerMetrics>
