import type { ControlMessage } from '@bgs/shared/envelope/control.ts'
import { type Facts, NO_FACTS } from '@bgs/shared/envelope/facts.ts'
import { effectiveStatus, upstreamStatus } from '@bgs/shared/envelope/status.ts'
import type { Account } from '../state/account.ts'
import { sayStatus } from './account-event.ts'
import type { Append } from './decision.ts'

/** What a control message changes (invariant 7); null: it is void, or changes nothing. */
export function decideControl(
  account: Account | undefined,
  message: ControlMessage,
  nowMs: number,
): Append | null {
  switch (message.kind) {
    case 'host-epoch':
      return quiet({ ...NO_FACTS, host: { host: message.host, epoch: message.epoch, banned: null } })
    case 'host-ban':
      return quiet({ ...NO_FACTS, host: { host: message.host, epoch: null, banned: message.banned } })
    case 'account-local': {
      if (account === undefined || account.local === message.local) return null
      return change(account, { ...NO_FACTS, did: message.did, local: message.local }, nowMs)
    }
    case 'account-upstream': {
      // Asked before the account's status changed, or before it moved: void.
      if (account === undefined || account.version !== message.version || account.host !== message.host)
        return null
      const upstream = upstreamStatus(message.active, message.status)
      if (upstream === account.upstream) return null
      return change(account, { ...NO_FACTS, did: message.did, upstream }, nowMs)
    }
  }
}

function change(account: Account, facts: Facts, nowMs: number): Append {
  const local = facts.local ?? account.local
  const upstream = facts.upstream ?? account.upstream
  const before = effectiveStatus(account.local, account.upstream)
  const after = effectiveStatus(local, upstream)
  if (before.active === after.active && before.status === after.status) return quiet(facts)
  return sayStatus(account.did, new Date(nowMs).toISOString(), local, upstream, facts)
}

function quiet(facts: Facts): Append {
  return { kind: 'quiet', outcome: 'quiet', facts, frame: null, seqAt: 0 }
}
