import { ACCOUNT_ACTS } from './account-acts.ts'
import { DOMAIN_ACTS } from './domain-acts.ts'
import { HOST_ACTS } from './host-acts.ts'
import { HOST_LISTS } from './host-lists.ts'
import { PROCESS_METRICS } from './process-metrics.ts'
import { REFUSED_FRAMES } from './refused-frames.ts'
import type { AdminRoute } from './route.ts'
import { SUBSCRIBER_ACTS } from './subscriber-acts.ts'
import { VIEWS } from './views.ts'

/** All that the admin API does. A path without variable parts stands before one that would take it for a name. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  ...VIEWS,
  PROCESS_METRICS,
  ...HOST_LISTS,
  ...HOST_ACTS,
  ...DOMAIN_ACTS,
  ...ACCOUNT_ACTS,
  ...SUBSCRIBER_ACTS,
  REFUSED_FRAMES,
]
