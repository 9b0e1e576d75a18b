/**
 * Milliseconds that never go back and have nothing to do with the time of day: whoever sets the machine's clock moves no
 * interval, budget or deadline by it. Good within one thread only: each counts from its own start. The wall clock is for
 * what people read and what machines compare.
 */
export function monotonicMs(): number {
  return performance.now()
}
