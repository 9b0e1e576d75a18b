import { part } from './api.ts'

/** A further thing that an act needs to know. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly kind: 'text' | 'count' | 'cursor' | 'choice'
  readonly value: string
}

/** Something that an operator can do, in words, before it is done. */
export interface Act {
  /** What is asked of the API: below /admin/. */
  readonly path: string
  readonly title: string
  /** What will happen. */
  readonly effect: string
  /** What stands on the button that does it. */
  readonly verb: string
  /** It takes something away from somebody. */
  readonly isGrave?: boolean
  readonly fields?: readonly Field[]
}

/** Acts on a host, as far as its state has room for them. */
export function hostActs(name: string, status: string): Act[] {
  const act = (what: string, verb: string, effect: string, isGrave = false): Act => ({
    path: `hosts/${part(name)}/${what}`,
    title: `${verb} ${name}?`,
    effect,
    verb,
    isGrave,
  })
  return [
    act('crawl', 'Crawl now', 'The relay tries to connect at once, whatever pause the host is in.'),
    status === 'paused'
      ? act('resume', 'Resume', 'The host is read again, from where it was.')
      : act(
          'pause',
          'Pause',
          'It is disconnected and read no further until it is resumed. Nothing is lost meanwhile.',
        ),
    act('disconnect', 'Disconnect', 'The connection ends, and is taken up again from where it was.'),
    status === 'banned'
      ? act('unban', 'Unban', 'The ban ends; the host is read again from where it was.')
      : act(
          'ban',
          'Ban',
          'It is disconnected at once, and what it sends is refused until the ban ends. Requests to crawl it are refused too.',
          true,
        ),
  ]
}

/** Limits and trust of a host: what is left empty stays. */
export function limitsAct(name: string): Act {
  const events = (key: string, label: string): Field => ({
    name: key,
    label,
    kind: 'count',
    value: '',
    hint: 'empty: stays as it is',
  })
  return {
    path: `hosts/${part(name)}/limits`,
    title: `Limits of ${name}`,
    effect:
      'Accounts beyond the limit are throttled; a higher limit releases them. Events beyond a limit are read later and not lost.',
    verb: 'Set limits',
    fields: [
      events('accounts', 'Accounts'),
      events('eventsPerSecond', 'Events per second'),
      events('eventsPerHour', 'Events per hour'),
      events('eventsPerDay', 'Events per day'),
      { name: 'trusted', label: 'Trusted (the large quotas)', kind: 'choice', value: '' },
      { name: 'lenient', label: 'Lenient (old software)', kind: 'choice', value: '' },
    ],
  }
}

/** Adds a host. */
export const ADD_HOST: Act = {
  path: 'hosts',
  title: 'Add a host',
  effect: 'The host is crawled from all that it retains. One that is known already is tried again.',
  verb: 'Add host',
  fields: [
    { name: 'hostname', label: 'Name', kind: 'text', value: '', hint: 'pds.example.com' },
    { name: 'trusted', label: 'Trusted (the large quotas)', kind: 'choice', value: '' },
  ],
}

/** Has a host read from another place. */
export function cursorAct(name: string, cursor: number | null): Act {
  return {
    path: `hosts/${part(name)}/reset-cursor`,
    title: `Reset the cursor of ${name}?`,
    effect: 'Its stream is read anew behind this seq. What was taken already is not taken twice.',
    verb: 'Reset cursor',
    isGrave: true,
    fields: [
      {
        name: 'cursor',
        label: 'Seq of the host, or “live”',
        kind: 'cursor',
        value: cursor === null ? '0' : String(cursor),
        hint: '0: all that it retains',
      },
    ],
  }
}

const DOMAIN_ACTS = {
  ban: ['Ban', 'All hosts under it are disconnected at once and refused until the ban ends.'],
  unban: ['Unban', 'Hosts under it that are not banned themselves are read again.'],
  trust: ['Trust', 'Hosts under it get the large quotas when they are first met.'],
  untrust: [
    'No longer trust',
    'Hosts that are first met from now on get no more than others. Known ones keep their trust.',
  ],
} as const

/** Rules for a domain with everything under it. */
export function domainAct(domain: string, what: keyof typeof DOMAIN_ACTS): Act {
  const [verb, effect] = DOMAIN_ACTS[what]
  return {
    path: `domains/${part(domain)}/${what}`,
    title: `${verb} the domain ${domain}?`,
    effect,
    verb,
    isGrave: what === 'ban',
  }
}

/** Acts on an account that this relay holds back (or not) itself. */
export function accountActs(did: string, local: string): Act[] {
  const act = (what: string, verb: string, effect: string, isGrave = false): Act => ({
    path: `accounts/${part(did)}/${what}`,
    title: `${verb} ${did}?`,
    effect,
    verb,
    isGrave,
  })
  const holds =
    local === 'active'
      ? [
          act(
            'takedown',
            'Take down',
            'Its events are neither taken nor served, and subscribers are told so.',
            true,
          ),
          act(
            'suspend',
            'Suspend',
            'Its events are neither taken nor served for now, and subscribers are told so.',
            true,
          ),
        ]
      : [act('restore', 'Restore', 'What its host says of it counts again, and subscribers are told so.')]
  return [...holds, act('recheck', 'Ask its host', "The account's host is asked for its status now.")]
}

/** Sends a subscriber away. */
export function subscriberAct(id: string, address: string): Act {
  return {
    path: `consumers/${part(id)}/disconnect`,
    title: `Disconnect ${address}?`,
    effect: 'The subscriber is sent away with 1008. It may come back with its cursor.',
    verb: 'Disconnect',
    isGrave: true,
  }
}

/** What is sent for an act: fields that were left empty are not. */
export function bodyOf(
  act: Act,
  why: string,
  given: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const body: Record<string, unknown> = { why: why.trim() }
  for (const { name, kind } of act.fields ?? []) {
    const text = (given[name] ?? '').trim()
    if (text === '') continue
    if (kind === 'choice') body[name] = text === 'yes'
    else body[name] = kind !== 'text' && /^\d+$/.test(text) ? Number(text) : text
  }
  return body
}
