import { TIME_BUCKETS } from '@bgs/shared/service/metrics.ts'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Figures of the verifier. Labels come from closed sets only. */
export function verifierMetrics(registry: Registry) {
  const registers = [registry]
  return {
    frames: new Counter({
      name: 'relay_verifier_frames_total',
      help: 'Frames judged, by type and outcome',
      labelNames: ['type', 'outcome'] as const,
      registers,
    }),
    refused: new Counter({
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
    judgeSeconds: new Counter({
      name: 'relay_verifier_judge_seconds_total',
      help: 'Time spent judging frames, over all threads',
      registers,
    }),
    heldBytes: new Gauge({
      name: 'relay_verifier_held_bytes',
      help: 'Bytes of frames that wait for an identity',
      registers,
    }),
    heldLanes: new Gauge({
      name: 'relay_verifier_held_lanes',
      help: 'DIDs whose frames wait for an identity',
      registers,
    }),
    cachedIdentities: new Gauge({
      name: 'relay_verifier_cached_identities',
      help: 'Identities held in memory',
      registers,
    }),
    circuitOpen: new Gauge({
      name: 'relay_verifier_directory_down',
      help: '1 while the PLC directory as a whole does not answer',
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
