import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import type { RejectionMetrics } from '@bgs/runtime/service/shared-metrics.ts'

/** Brings the metrics of the recorder of rejections up to date. */
export function updateRejections(metrics: RejectionMetrics, recorder: RejectionRecorder): void {
  metrics.waiting.set(recorder.waiting)
  // The recorder counts on its own, for it has no registry.
  metrics.leftOut.reset()
  metrics.leftOut.inc(recorder.leftOut)
}
