import type { BusProducer } from '@bgs/contract/bus/bus.ts'
import type { WakeUps } from '@bgs/contract/bus/wake-ups.ts'
import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { Crawler, type CrawlerParts } from '@bgs/crawler/crawler.ts'
import type { HostReach } from '@bgs/crawler/host-reach.ts'
import type { CrawlerMetrics } from '@bgs/crawler/metrics.ts'
import type { Ownership } from '@bgs/crawler/ownership.ts'
import { strangersNames } from '@bgs/runtime/net/strangers-names.ts'
import { descriptors } from '@bgs/runtime/service/descriptors.ts'
import { AccountLimitWebhook } from '../account-limit-webhook.ts'
import { webhookMetrics } from '../metrics.ts'
import type { StageContext } from './stage-context.ts'

export interface CrawlerPorts {
  /** The hosts that it crawls. */
  readonly hosts: Ownership
  readonly raw: CrawlerParts['raw']
  readonly control: BusProducer<ControlMessage, () => void>
  readonly wakeUps: WakeUps
  /** A promise while no host may be read; undefined otherwise. */
  readonly gate: () => Promise<void> | undefined
  readonly metrics: CrawlerMetrics
  /** Where another crawler may reach hosts that this one cannot. */
  readonly reach?: HostReach
}

/** The crawler, which takes its producer of `raw` at once. It crawls from when it is run. */
export function buildCrawler({ settings, database, rejections, logger }: StageContext, ports: CrawlerPorts) {
  const allowPrivate = settings.RELAY_ALLOW_PRIVATE_HOSTS
  return new Crawler({
    ...ports,
    database,
    partitions: settings.RELAY_RAW_PARTITIONS,
    descriptors,
    rejections,
    logger: logger.child({ part: 'crawler' }),
    names: strangersNames(allowPrivate),
    allowPrivate,
    startLive: settings.RELAY_NEW_HOST_CURSOR === 'live',
    now: Date.now,
  })
}

/** What calls the operator's webhook about hosts at their limit; undefined where none is set. One process may run it. */
export function buildWebhook({
  settings,
  database,
  registry,
  logger,
}: StageContext): AccountLimitWebhook | undefined {
  // Declared also where none is set, as docs/metrics.md says.
  const metrics = webhookMetrics(registry)
  if (settings.RELAY_WEBHOOK_URL === '') return undefined
  return new AccountLimitWebhook({
    database,
    url: settings.RELAY_WEBHOOK_URL,
    metrics,
    logger: logger.child({ part: 'webhook' }),
    now: Date.now,
  })
}
