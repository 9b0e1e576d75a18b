import { TIME_BUCKETS } from '@bgs/runtime/service/metrics.ts'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Metrics of the verifier. Labels come from closed sets only. */
export function verifierMetrics(registry: Registry) {
  const registers = [registry]
  return {
    frames: new Counter({
      name: 'relay_verifier_frames_total',
      help: 'Frames judged, by type and outcome',
      labelNames: ['type', 'outcome'] as const,
      registers,
    }),
    rejected: new Counter({
      name: 'relay_verifier_refused_frames_total',
      help: 'Frames refused, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    resolutions: new Counter({
      name: 'relay_verifier_resolutions_total',
      help: 'DID look-ups, by method and result',
      labelNames: ['method', 'result'] as const,
      registers,
    }),
    resolveSeconds: new Histogram({
      name: 'relay_verifier_resolve_seconds',
      help: 'Time of one DID look-up',
      buckets: TIME_BUCKETS,
      registers,
    }),
    verifySeconds: new Counter({
      name: 'relay_verifier_judge_seconds_total',
      help: 'Time spent judging frames, over all threads',
      registers,
    }),
    parkedBytes: new Gauge({
      name: 'relay_verifier_held_bytes',
      help: 'Bytes of frames that wait for an identity',
      registers,
    }),
    parkedQueues: new Gauge({
      name: 'relay_verifier_held_lanes',
      help: 'DIDs whose frames wait for an identity',
      registers,
    }),
    cachedIdentities: new Gauge({
      name: 'relay_verifier_cached_identities',
      help: 'Identities held in memory',
      registers,
    }),
    directoryDown: new Gauge({
      name: 'relay_verifier_directory_down',
      help: '1 while the PLC directory as a whole does not answer',
      registers,
    }),
    directoryUnwell: new Gauge({
      name: 'relay_verifier_directory_unwell',
      help: '1 while the PLC directory answers some and fails for many: frames wait for it, and none is refused',
      registers,
    }),
    clockDoubted: new Gauge({
      name: 'relay_verifier_clock_doubted',
      help: '1 while the revs of most hosts lie in the future of this machine: its clock is slow, and they wait',
      registers,
    }),
    directoryOutages: new Counter({
      name: 'relay_verifier_directory_outages_total',
      help: 'Times that the PLC directory was taken to be down',
      registers,
    }),
    knownLookUps: new Counter({
      name: 'relay_verifier_known_did_resolutions_total',
      help: 'Conclusive look-ups at the PLC directory of DIDs of which a document was known, by result or reason',
      labelNames: ['result'] as const,
      registers,
    }),
    identityHits: new Counter({
      name: 'relay_verifier_identity_cache_total',
      help: 'Frames of which the identity was in memory and fit (hit), or which went into the queue of their DID (lane)',
      labelNames: ['result'] as const,
      registers,
    }),
    waitingLookUps: new Gauge({
      name: 'relay_verifier_waiting_resolutions',
      help: 'DID look-ups that wait for a slot, by method',
      labelNames: ['method'] as const,
      registers,
    }),
    busyLookUps: new Gauge({
      name: 'relay_verifier_busy_resolutions',
      help: 'DID look-ups under way, by method',
      labelNames: ['method'] as const,
      registers,
    }),
    plcTokens: new Gauge({
      name: 'relay_verifier_directory_budget_lookups',
      help: 'Look-ups that the budget toward the PLC directory would let through at once',
      registers,
    }),
    refreshCauses: new Gauge({
      name: 'relay_verifier_refresh_causes',
      help: 'Causes of forced look-ups that are remembered, so that each happens once in its pause',
      registers,
    }),
    refreshesDenied: new Counter({
      name: 'relay_verifier_refreshes_denied_total',
      help: 'Forced look-ups that the budget of a host or the pause of a cause did not let through',
      registers,
    }),
    queueBytes: new Gauge({
      name: 'relay_verifier_lane_bytes',
      help: 'Bytes of frames that go one by one; beyond a bound the largest holder gives way',
      registers,
    }),
    queues: new Gauge({
      name: 'relay_verifier_lanes',
      help: 'DIDs whose frames go one by one, parked or not',
      registers,
    }),
    queuedBatches: new Gauge({
      name: 'relay_verifier_queued_batches',
      help: 'Batches that wait for a judging thread',
      registers,
    }),
    openBatches: new Gauge({
      name: 'relay_verifier_open_batches',
      help: 'Batches handed to the judges and not finished',
      registers,
    }),
    curve: new Gauge({
      name: 'relay_verifier_curve_backend',
      help: '1 for the implementation that verifies signatures of a curve',
      labelNames: ['curve', 'backend'] as const,
      registers,
    }),
  }
}

export type VerifierMetrics = ReturnType<typeof verifierMetrics>
