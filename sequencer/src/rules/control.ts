import type { ControlMessage } from '@bgs/contract/envelope/control.ts'
import { domainName, type Facts, type HostFacts, hostFacts, NO_FACTS } from '@bgs/contract/envelope/facts.ts'
import {
  effectiveStatus,
  HOST_THROTTLE,
  RATE_THROTTLE,
  upstreamStatus,
} from '@bgs/contract/envelope/status.ts'
import type { Account } from '../state/account.ts'
import { statusEvent } from './account-event.ts'
import { type Append, quiet } from './decision.ts'
import { type HostCounts, hasRoom } from './host-room.ts'

/**
 * What a control message changes (invariant 7); null: it is void, or changes nothing. `host` is that of the account.
 */
export function decideControl(
  account: Account | undefined,
  host: HostCounts | undefined,
  message: ControlMessage,
  nowMs: number,
): Append | null {
  switch (message.kind) {
    case 'heartbeat':
      return quiet(NO_FACTS)
    case 'host-epoch':
      return ofHost({ ...hostFacts(message.host), epoch: message.epoch })
    case 'host-ban':
      return ofHost({ ...hostFacts(message.host), banned: message.banned })
    case 'domain-ban':
      return ofHost({ ...hostFacts(domainName(message.domain)), banned: message.banned })
    case 'host-limit':
      return ofHost({ ...hostFacts(message.host), accountLimit: message.accountLimit })
    case 'account-local': {
      if (account === undefined || account.local === message.local) return null
      return change(account, { ...NO_FACTS, did: message.did, local: message.local }, nowMs)
    }
    case 'account-release': {
      if (account === undefined || account.version !== message.version) return null
      const isThrottled = account.local === HOST_THROTTLE || account.local === RATE_THROTTLE
      if (!isThrottled) return null
      if (account.local === HOST_THROTTLE && (host === undefined || !hasRoom(host))) return null
      return change(account, { ...NO_FACTS, did: message.did, local: 'active' }, nowMs)
    }
    case 'account-upstream': {
      // Asked before the account's status changed, or before it moved: void.
      if (account === undefined || account.version !== message.version || account.pdsHost !== message.host)
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
  return statusEvent(account.did, new Date(nowMs).toISOString(), local, upstream, facts)
}

function ofHost(host: HostFacts): Append {
  return quiet({ ...NO_FACTS, host })
}
