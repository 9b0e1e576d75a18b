import { expect, it } from 'vitest'
import type { HostReport } from './host-report.ts'
import { noteEnded } from './host-report.ts'

const REFUSED = { cause: 'refused', detail: 'connect ECONNREFUSED' } as const
const USUAL = { isNew: false, isAhead: false }
const IN_VAIN = { hasProgress: false, wasEarly: false }

it('H3: an attempt before its time raises no count, so that starts do not add up', () => {
  const report = { failures: 0 } as HostReport
  const attempt = (more: object) => noteEnded(report, REFUSED, { ...IN_VAIN, ...more }, USUAL, 0)
  attempt({ wasEarly: true })
  expect(report.failures, 'never tried before').toBe(1)
  for (let i = 0; i < 20; i++) expect(attempt({ wasEarly: true })).toBeLessThanOrEqual(2_000)
  expect(report.failures).toBe(1)
  attempt({})
  expect(report.failures).toBe(2)
  report.failures = 20
  expect(Math.max(...Array.from({ length: 200 }, () => attempt({ wasEarly: true })))).toBeGreaterThan(
    3_000_000,
  )
  expect(report.failures, 'nor does it lower one').toBe(20)
  attempt({ hasProgress: true, wasEarly: true })
  expect(report.failures).toBe(0)
})
