import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { processMetrics } from '../process-metrics/process-metrics.ts'
import { sumMetrics } from '../process-metrics/sum-metrics.ts'

function registryOf(events: number, head: number, seconds: readonly number[]): Registry {
  const registry = new Registry()
  const registers = [registry]
  const counter = {
    name: 'relay_sequencer_events_total',
    help: '-',
    labelNames: ['type'] as const,
    registers,
  }
  new Counter(counter).inc({ type: '#commit' }, events)
  new Gauge({ name: 'relay_sequencer_head_seq', help: '-', registers }).set(head)
  new Gauge({ name: 'nodejs_heap_bytes', help: '-', registers }).set(1)
  const histogram = { name: 'relay_sequencer_append_seconds', help: '-', buckets: [1, 2], registers }
  const append = new Histogram(histogram)
  for (const one of seconds) append.observe(one)
  return registry
}

describe('metrics of all processes', () => {
  it('counts are added up, positions are not, and what is not about the relay is left out', async () => {
    const one = await processMetrics('a', 'sequencer', [registryOf(3, 100, [0.5])])
    const two = await processMetrics('b', 'sequencer', [registryOf(4, 90, [1.5]), new Registry()])
    const totals = sumMetrics([one, two])
    expect(totals['relay_sequencer_events_total']).toEqual([{ labels: { type: '#commit' }, value: 7 }])
    expect(totals['relay_sequencer_head_seq']).toEqual([{ labels: {}, value: 100 }])
    expect(totals['relay_sequencer_append_seconds_bucket']).toEqual([
      { labels: { le: '1' }, value: 1 },
      { labels: { le: '2' }, value: 2 },
      { labels: { le: '+Inf' }, value: 2 },
    ])
    expect(Object.keys(totals)).not.toContain('nodejs_heap_bytes')
  })
})
