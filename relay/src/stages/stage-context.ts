import type { Database } from '@bgs/contract/database.ts'
import type { RejectionRecorder } from '@bgs/database/hosts/rejection-recorder.ts'
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
  readonly rejections: RejectionRecorder
}
