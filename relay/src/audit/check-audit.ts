/** A known weakness of a package that production depends on. */
interface Advisory {
  /** GHSA-…, or npm's number where it has none. */
  readonly id: string
  readonly package: string
  readonly severity: string
  readonly title: string
  readonly url: string
}

/** An advisory that does not matter here; one line of audit-allow.json. */
export interface Allowed {
  readonly id: string
  /** Why it does not matter here. */
  readonly why: string
  /** The last day on which that is taken for granted, YYYY-MM-DD. */
  readonly until: string
}

export type AuditVerdict =
  | { readonly kind: 'no-report'; readonly why: string }
  | {
      readonly kind: 'judged'
      /** Neither known nor allowed any longer: each is a reason to fail. */
      readonly open: readonly Advisory[]
      readonly expired: readonly (Advisory & Allowed)[]
      readonly allowed: readonly (Advisory & Allowed)[]
      /** Lines of the list that stand for nothing any more. */
      readonly unused: readonly Allowed[]
    }

/** Compares what `npm audit --json` says with the list of what is allowed, as of `today` (YYYY-MM-DD). */
export function checkAudit(report: unknown, list: readonly Allowed[], today: string): AuditVerdict {
  const vulnerabilities = objectOf(objectOf(report)['vulnerabilities'])
  if (objectOf(report)['auditReportVersion'] !== 2) return { kind: 'no-report', why: complaintOf(report) }
  const advisories = new Map<string, Advisory>()
  // A text names another package of the report, whose entry has the advisory.
  for (const { via } of Object.values(vulnerabilities).map(objectOf))
    for (const cause of Array.isArray(via) ? via : [])
      if (typeof cause === 'object') {
        const advisory = advisoryOf(objectOf(cause))
        advisories.set(advisory.id, advisory)
      }
  const known = [...advisories.values()].map((advisory) => ({
    advisory,
    line: list.find(({ id }) => id === advisory.id),
  }))
  const both = known.flatMap(({ advisory, line }) => (line === undefined ? [] : [{ ...advisory, ...line }]))
  return {
    kind: 'judged',
    open: known.filter(({ line }) => line === undefined).map(({ advisory }) => advisory),
    expired: both.filter(({ until }) => until < today),
    allowed: both.filter(({ until }) => until >= today),
    unused: list.filter(({ id }) => !advisories.has(id)),
  }
}

/** Reads audit-allow.json. Throws TypeError that names the line which lacks something. */
export function readAllowed(text: string): Allowed[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new TypeError('audit-allow.json is not a list')
  return list.map((item: unknown, i) => {
    const { id, why, until } = objectOf(item)
    const isWhole = typeof id === 'string' && typeof why === 'string' && why !== ''
    if (!isWhole || typeof until !== 'string' || !isDay(until))
      throw new TypeError(`audit-allow.json: entry ${i} needs id, why and until (YYYY-MM-DD)`)
    return { id, why, until }
  })
}

function advisoryOf(cause: Record<string, unknown>): Advisory {
  const text = (name: string) => String(cause[name] ?? '')
  const id = /GHSA-[\w-]+/.exec(text('url'))?.[0] ?? text('source')
  return { id, package: text('name'), severity: text('severity'), title: text('title'), url: text('url') }
}

function complaintOf(report: unknown): string {
  const { message, error } = objectOf(report)
  const { summary } = objectOf(error)
  return [message, summary].find((part) => typeof part === 'string' && part !== '')?.toString() ?? 'no report'
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
