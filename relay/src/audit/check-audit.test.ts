import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Allowed, checkAudit, readAllowed } from './check-audit.ts'

/** As npm 11 prints it: one advisory of a package, another of one that this package brings along. */
const REPORT = {
  auditReportVersion: 2,
  vulnerabilities: {
    ws: {
      name: 'ws',
      severity: 'high',
      isDirect: true,
      via: [
        {
          source: 1098392,
          name: 'ws',
          dependency: 'ws',
          title: 'ws affected by a DoS when handling a request with many HTTP headers',
          url: 'https://github.com/advisories/GHSA-3h5v-q93c-6h6q',
          severity: 'high',
          cwe: ['CWE-476'],
          cvss: { score: 7.5, vectorString: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H' },
          range: '>=8.0.0 <8.17.1',
        },
        'odd',
      ],
      effects: [],
      range: '8.0.0 - 8.17.0',
      nodes: ['node_modules/ws'],
      fixAvailable: true,
    },
    odd: {
      name: 'odd',
      severity: 'low',
      isDirect: false,
      via: [
        { source: 7, name: 'odd', dependency: 'odd', title: 'odd', url: '', severity: 'low', range: '*' },
      ],
      effects: ['ws'],
      range: '*',
      nodes: ['node_modules/odd'],
      fixAvailable: false,
    },
  },
  metadata: { vulnerabilities: { info: 0, low: 1, moderate: 0, high: 1, critical: 0, total: 2 } },
}
const NOTHING = { auditReportVersion: 2, vulnerabilities: {}, metadata: {} }
/** What npm prints where the registry has no such endpoint. */
const NO_ENDPOINT = {
  message: '405 Method Not Allowed - POST https://registry.example/-/npm/v1/security/advisories/bulk',
  method: 'POST',
  uri: 'https://registry.example/-/npm/v1/security/advisories/bulk',
  headers: { allow: ['GET,HEAD'] },
  statusCode: 405,
  body: '',
  error: { summary: '', detail: '' },
}
const GHSA = 'GHSA-3h5v-q93c-6h6q'
const line = (id: string, until = '2026-12-31'): Allowed => ({ id, why: 'not reached here', until })
const TODAY = '2026-12-31'

function judged(report: unknown, list: readonly Allowed[]) {
  const verdict = checkAudit(report, list, TODAY)
  if (verdict.kind !== 'judged') throw new Error(verdict.why)
  const ids = (all: readonly { id: string }[]) => all.map(({ id }) => id)
  const { open, expired, allowed, unused } = verdict
  return { open: ids(open), expired: ids(expired), allowed: ids(allowed), unused: ids(unused) }
}

describe('advisories against the list of what is allowed', () => {
  it.each([
    ['nothing is wrong', NOTHING, [], { open: [], expired: [], allowed: [], unused: [] }],
    ['none is allowed', REPORT, [], { open: [GHSA, '7'], expired: [], allowed: [], unused: [] }],
    ['one is', REPORT, [line('7')], { open: [GHSA], expired: [], allowed: ['7'], unused: [] }],
    [
      'until today',
      REPORT,
      [line('7'), line(GHSA)],
      { open: [], expired: [], allowed: [GHSA, '7'], unused: [] },
    ],
    [
      'until yesterday',
      REPORT,
      [line('7', '2026-12-30'), line(GHSA)],
      { open: [], expired: ['7'], allowed: [GHSA], unused: [] },
    ],
    ['for nothing', NOTHING, [line('7')], { open: [], expired: [], allowed: [], unused: ['7'] }],
  ])('%s', (_name, report, list, expected) => {
    expect(judged(report, list)).toEqual(expected)
  })

  it.each([
    ['no endpoint', NO_ENDPOINT, /^405 Method Not Allowed/],
    [
      'another error',
      { error: { code: 'ENOAUDIT', summary: 'Your registry does not support audit' } },
      /does not support/,
    ],
    ['nothing that is JSON', undefined, /no report/],
    ['a report of another version', { auditReportVersion: 3, vulnerabilities: {} }, /no report/],
  ])('%s is no report, and not a good one', (_name, report, why) => {
    expect(checkAudit(report, [], TODAY)).toEqual({ kind: 'no-report', why: expect.stringMatching(why) })
  })

  it('the list beside the code can be read; one that lacks a reason or a day cannot', () => {
    readAllowed(readFileSync(join(import.meta.dirname, '../../../audit-allow.json'), 'utf8'))
    expect(readAllowed(JSON.stringify([line(GHSA)]))).toEqual([line(GHSA)])
    for (const item of [{}, { ...line('7'), why: '' }, { ...line('7'), until: 'soon' }, null, 3])
      expect(() => readAllowed(JSON.stringify([line('7'), item]))).toThrow(/entry 1/)
    expect(() => readAllowed('{}')).toThrow(TypeError)
  })
})
