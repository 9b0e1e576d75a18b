import type { Database } from '@bgs/contract/database.ts'
import type { RefusalBook } from '@bgs/database/hosts/refusal-book.ts'
import type { Logger } from '@bgs/runtime/service/logger.ts'
import type { Settings } from '@bgs/runtime/service/settings.ts'
import type { Supervisor } from '@bgs/runtime/service/supervisor.ts'
import type { Registry } from 'prom-client'

/** What each stage of a process is built from beside its ports, embedded or as a role of a cluster. */
export interface StageContext {
  readonly settings: Settings
  readonly logger: Logger
  readonly registry: Registry
  readonly supervisor: Supervisor
  readonly database: Database
  readonly refusals: RefusalBook
}
