import type { RefusalBook } from '@bgs/database/hosts/refusal-book.ts'
import type { RefusalMetrics } from '@bgs/runtime/service/shared-metrics.ts'

/** Brings the figures of the memory of refusals up to date. */
export function gaugeRefusals(metrics: RefusalMetrics, book: RefusalBook): void {
  metrics.waiting.set(book.waiting)
  // The book counts on its own, for it has no registry.
  metrics.leftOut.reset()
  metrics.leftOut.inc(book.leftOut)
}
