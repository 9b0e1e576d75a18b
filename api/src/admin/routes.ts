import { ACCOUNT_ACTIONS } from './account-actions.ts'
import { DOMAIN_ACTIONS } from './domain-actions.ts'
import { HOST_ACTIONS } from './host-actions.ts'
import { HOST_LISTS } from './host-lists.ts'
import { PROCESS_METRICS } from './process-metrics.ts'
import { REFUSED_FRAMES } from './refused-frames.ts'
import type { AdminRoute } from './route.ts'
import { SUBSCRIBER_ACTIONS } from './subscriber-actions.ts'
import { VIEWS } from './views.ts'

/** All that the admin API does. A path without variable parts stands before one that would take it for a name. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  ...VIEWS,
  PROCESS_METRICS,
  ...HOST_LISTS,
  ...HOST_ACTIONS,
  ...DOMAIN_ACTIONS,
  ...ACCOUNT_ACTIONS,
  ...SUBSCRIBER_ACTIONS,
  REFUSED_FRAMES,
]
