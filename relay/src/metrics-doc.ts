import { declaredMetrics } from './metric-list.ts'

/** Contents of docs/metrics.md. */
export function metricsDoc(): string {
  const rows = declaredMetrics()
    .filter(({ name }) => name.startsWith('relay_'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      ({ name, type, labels, where, help }) =>
        `| ${name} | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${where} | ${help} |`,
    )
  return [
    '# Metrics',
    '',
    'Made from the metrics.ts of each package by `npm run docs`. `/metrics` on the operator listener shows them, beside',
    'those of the process (`process_*`, `nodejs_*`). A timer of 100 ms takes `nodejs_eventloop_lag_*_seconds`: 0.1 is no lag.',
    'Labels take values from closed sets only: never a host, a DID or an address. Where: `cluster` are those that only roles',
    'of a cluster have; the embedded relay has all others. Alerts are in deploy/prometheus, each with a runbook in',
    'deploy/runbooks; dashboards in deploy/grafana.',
    '',
    '| metric | type | labels | where | what it says |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
