import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { findCommand } from '@bgs/testkit/servers/commands.ts'
import { findOrInstall } from '@bgs/testkit/servers/debian-packages.ts'
import { installPythonTools, ROOT } from '../deploy/tools.ts'

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** One query, and where it stands. */
export interface Query {
  readonly where: string
  readonly expr: string
}

export interface Panel {
  readonly title: string
  readonly targets: readonly { readonly expr: string }[]
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Debian's prometheus package has both; its service is not started. */
export function findPrometheus(what: 'promtool' | 'prometheus'): Promise<string> {
  return findOrInstall(what, ['prometheus'], () => findCommand([what], ['/usr/bin']))
}

export async function readAlerts(): Promise<Alert[]> {
  const { readYaml } = await installPythonTools()
  const [rules] = (await readYaml(read('deploy/prometheus/alerts.yml'))).documents as [
    { groups: { rules: Alert[] }[] },
  ]
  return rules.groups.flatMap((group) => group.rules)
}

/** Panels by the name of their dashboard. */
export function readDashboards(): Map<string, Panel[]> {
  const files = globSync(join(ROOT, 'deploy/grafana/dashboards/*.json'))
  return new Map(
    files.map((file) => {
      const { uid, panels } = JSON.parse(readFileSync(file, 'utf8')) as { uid: string; panels: Panel[] }
      if (`${uid}.json` !== basename(file)) throw new Error(`${file} calls itself ${uid}`)
      return [uid, panels]
    }),
  )
}

/** What Grafana puts in for the range of a rate. */
export const withoutVariables = (expr: string) => expr.replaceAll('$__rate_interval', '1m')

/** Every query of the alerts, the dashboards and what autoscalers ask for. */
export async function allQueries(): Promise<Query[]> {
  const alerts = (await readAlerts()).map(({ alert, expr }) => ({ where: `alert ${alert}`, expr }))
  const panels = [...readDashboards()].flatMap(([name, ofOne]) =>
    ofOne.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${name}, ${title}`, expr: withoutVariables(expr) })),
    ),
  )
  const { readYaml } = await installPythonTools()
  const adapter = (await readYaml(read('k8s/components/monitoring/prometheus-adapter.yaml'))).documents as [
    { rules: { custom: { seriesQuery: string }[] } },
  ]
  const series = adapter[0].rules.custom.map(({ seriesQuery: expr }) => ({
    where: 'prometheus-adapter',
    expr,
  }))
  return [...alerts, ...panels, ...series]
}
