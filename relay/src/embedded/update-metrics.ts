import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
import { feedMetrics } from '@bgs/fanout/metrics.ts'
import type { Serving } from '@bgs/fanout/serve/serving.ts'
import { busMetrics, rejectionMetrics } from '@bgs/runtime/service/shared-metrics.ts'
import type { Supervisor } from '@bgs/runtime/service/supervisor.ts'
import type { Sequencer } from '@bgs/sequencer/sequencer.ts'
import type { Identities } from '@bgs/verifier/identity/identities.ts'
import type { Registry } from 'prom-client'
import { updateBookkeeping } from '../bookkeeping-metrics.ts'
import { updateTopics } from '../bus-metrics.ts'
import { updateHeartbeat } from '../heartbeat-metrics.ts'
import { bookkeepingMetrics, heartbeatMetrics } from '../metrics.ts'
import { updateRejections } from '../rejection-metrics.ts'
import type { EmbeddedHealth } from './health.ts'
import type { Topics } from './topics.ts'

export interface MetricSources {
  readonly topics: Topics
  readonly health: EmbeddedHealth
  readonly sequencer: Sequencer
  readonly identities: Identities
  readonly serving: Serving
  readonly rejections: RejectionRecorder
  readonly supervisor: Supervisor
}

/** What brings the gauges of an embedded relay up to date before they are read. */
export function metricsUpdater(registry: Registry, parts: MetricSources): () => void {
  const { topics, health, sequencer, identities, serving, rejections, supervisor } = parts
  const bus = busMetrics(registry)
  const heartbeat = heartbeatMetrics(registry)
  const feed = feedMetrics(registry)
  const ofRejections = rejectionMetrics(registry)
  const bookkeeping = bookkeepingMetrics(registry)
  return () => {
    updateTopics(bus, topics)
    updateHeartbeat(heartbeat, health.heartbeatAges())
    sequencer.updateMetrics()
    identities.updateMetrics()
    feed.bytes.set(serving.feedBytes)
    updateRejections(ofRejections, rejections)
    updateBookkeeping(bookkeeping, supervisor.failures)
  }
}
