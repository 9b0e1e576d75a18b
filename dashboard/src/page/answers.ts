import type { AuditEntry } from '@bgs/api/admin/audit.ts'
import type { ProcessInShort } from '@bgs/api/admin/process-metrics.ts'
import type { ShortEvent } from '@bgs/api/admin/views.ts'
import type { AccountReport } from '@bgs/api/reports/account-report.ts'
import type { HostReport, HostSummary } from '@bgs/api/reports/host-report.ts'
import type { SubscriberInfo } from '@bgs/contract/subscribers.ts'
import type { Total } from '@bgs/runtime/process-metrics/sum-metrics.ts'

export type { AccountReport, AuditEntry, HostReport, HostSummary, ShortEvent }

/** GET /admin/figures. */
export interface Reading {
  readonly nowMs: number
  readonly processes: readonly ProcessInShort[]
  readonly figures: Readonly<Record<string, readonly Total[]>>
}

/** A subscriber in GET /admin/consumers. */
export interface SubscriberInList extends SubscriberInfo {
  readonly bytesBehind: number
}

/** GET /admin/overview. */
export interface Overview {
  readonly version: string
  readonly nowMs: number
  readonly log: { readonly oldest: number; readonly head: number }
  readonly view: { readonly generation: number; readonly position: number; readonly bytesBehind: number }
  readonly hosts: Readonly<Record<string, number>>
  readonly refusals: readonly {
    readonly reason: string
    readonly text: string
    readonly frames: number
    readonly lastMs: number
  }[]
  readonly members: readonly {
    readonly id: string
    readonly role: string
    readonly startedMs: number
    readonly expiresMs: number
  }[]
  readonly partitions: readonly {
    readonly topic: string
    readonly number: number
    readonly position: number
    readonly owner: string | null
    readonly fence: number
  }[]
}
