import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { OPERATOR_COMMANDS } from '@bgs/relay/cli/operator-commands.ts'
import { COMMANDS } from '@bgs/relay/command.ts'
import { type DeclaredMetric, declaredMetrics, seriesOf } from '@bgs/relay/metric-list.ts'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { SETTINGS } from '@bgs/runtime/service/settings.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import { runCommand } from '@bgs/testkit/servers/commands.ts'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../deploy/tools.ts'
import { tempFolder } from '../harness/temp-folder.ts'
import {
  allQueries,
  findPrometheus,
  readAlerts,
  readDashboards,
  withoutVariables,
} from './monitoring-files.ts'
import { namesIn } from './promql-names.ts'

/** Of Prometheus itself; and labels that scraping adds. */
const BUILT_IN = ['up']
const SCRAPED_LABELS = ['job', 'instance', 'role', 'le', 'namespace', 'pod']
/** Made by prometheus-adapter of a metric that is. */
const ADAPTED = ['relay_fanout_bytes_per_second']
/** What this machine is like, not the relay. */
const OF_THE_MACHINE = ['RelayDiskNearlyFull', 'RelayEventLoopLag', 'RelayMemoryNearLimit']

const declared = declaredMetrics()
const bySeries = new Map<string, DeclaredMetric>(
  declared.flatMap((metric) => seriesOf(metric).map((name) => [name, metric])),
)

it('names in a query are told from functions, labels, ranges and words', () => {
  const { metrics, labels } = namesIn(
    `sum by (topic, le) (rate(a_total{x=~"b|c{}", y!='d'}[5m])) / on (z) group_left (w) b_bucket offset 30m > 1e9
      and absent(c:d) unless d > bool 0.5`,
  )
  expect([...metrics]).toEqual(['a_total', 'b_bucket', 'c:d', 'd'])
  expect([...labels].toSorted()).toEqual(['le', 'topic', 'w', 'x', 'y', 'z'])
})

describe('deploy/prometheus', () => {
  it.for([
    ['check', 'rules', 'alerts.yml'],
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ])('promtool %s %s %s', async (args) => {
    const cwd = join(ROOT, 'deploy/prometheus')
    const { error, output } = await runCommand(await findPrometheus('promtool'), args, { cwd })
    expect(error, output).toBeNull()
    expect(output).toContain('SUCCESS')
  })

  it('each alert is tested both ways, and says how bad it is and what to do', async () => {
    const tests = readFileSync(join(ROOT, 'deploy/prometheus/alerts.test.yml'), 'utf8')
    for (const { alert, labels, annotations } of await readAlerts()) {
      expect(tests).toContain(`- name: ${alert} fires\n`)
      expect(tests).toContain(`- name: ${alert} does not fire\n`)
      expect(['critical', 'warning', 'info'], alert).toContain(labels['severity'])
      expect(annotations['summary'], alert).toMatch(/\w{3}/)
      expect(annotations['runbook']).toBe(`deploy/runbooks/${alert}.md`)
    }
  })

  it('each alert has a runbook, and each runbook an alert', async () => {
    const files = globSync(join(ROOT, 'deploy/runbooks/*.md'))
    const names = (await readAlerts()).map(({ alert }) => alert)
    const commands = [
      ...Object.keys(COMMANDS),
      ...OPERATOR_COMMANDS.map(({ words }) => words.replace(/ [A-Z]+$/, '')),
    ]
    expect(files.map((file) => basename(file, '.md')).toSorted()).toEqual(names.toSorted())
    for (const file of files) {
      const text = readFileSync(file, 'utf8')
      expect(text, file).toMatch(/^# \w+\n\n[\s\S]+\n## See more\n\n- [\s\S]+\n## Do\n\n- /)
      for (const [, to = ''] of text.matchAll(/\]\((\w+)\.md\)/g)) expect(names, file).toContain(to)
      for (const [, command = ''] of text.matchAll(/`relay ([a-z][a-z -]*[a-z])/g))
        expect(commands, file).toContain(command.replace(/ --.*/, ''))
      for (const [name] of text.matchAll(/RELAY_\w+/g)) expect(Object.keys(SETTINGS), file).toContain(name)
    }
  })
})

describe('what dashboards, alerts and documents name', () => {
  it('is a metric that is declared, with its labels', async () => {
    for (const { where, expr } of await allQueries()) {
      const { metrics, labels } = namesIn(expr)
      expect(metrics.size, where).toBeGreaterThan(0)
      const known = [...metrics].flatMap((name) => bySeries.get(name)?.labels ?? [])
      for (const name of metrics)
        expect(bySeries.has(name) || BUILT_IN.includes(name), `${name} in ${where}`).toBe(true)
      for (const label of labels) expect([...known, ...SCRAPED_LABELS], where).toContain(label)
    }
  })

  it('is a metric that is declared wherever a document names one', () => {
    const files = globSync(join(ROOT, '{*.md,{docs,deploy,k8s}/**/*.md}'))
    for (const file of files)
      for (const [name] of readFileSync(file, 'utf8').matchAll(/\brelay_[a-z_]*[a-z]\b(?!:)/g))
        expect(
          bySeries.has(name) || ADAPTED.includes(name) || declared.some((one) => one.name === name),
          `${name} in ${file}`,
        ).toBe(true)
  })
})

describe('a relay that runs, and Prometheus', () => {
  const folder = tempFolder()
  let network: SimNetwork
  let relay: RelayProcess
  let prometheus: ChildProcess
  let url = ''
  const busy = new AbortController()

  beforeAll(async () => {
    network = await SimNetwork.start({ seed: 31, hosts: 2, accountsPerHost: 3 })
    relay = await startRelayProcess({
      ...network.relayEnv(),
      RELAY_DATA_DIR: folder.path,
      RELAY_FANOUT_THREADS: '1',
    })
    const config = join(folder.path, 'prometheus.yml')
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s' },
        scrape_configs: [
          {
            job_name: 'relay',
            static_configs: [{ targets: [`127.0.0.1:${relay.opsPort}`], labels: { role: 'all' } }],
          },
        ],
      }),
    )
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const args = [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`]
    args.push(`--storage.tsdb.path=${join(folder.path, 'prometheus')}`)
    prometheus = spawn(await findPrometheus('prometheus'), args, { stdio: 'ignore' })
    void keepBusy(network, busy.signal)
  })

  afterAll(async () => {
    busy.abort()
    if (prometheus !== undefined) {
      const exited = once(prometheus, 'exit')
      prometheus.kill('SIGTERM')
      await exited
    }
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  async function ask(query: string): Promise<{ value: [number, string] }[]> {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)
    const { status, error, data } = (await response.json()) as {
      status: string
      error?: string
      data: { result: { value: [number, string] }[] }
    }
    if (status !== 'success') throw new Error(`${query}: ${error}`)
    return data.result
  }

  async function scrapes(): Promise<number> {
    const result = await ask('sum_over_time(up[1m])').catch(() => [])
    return Number(result[0]?.value[1] ?? 0)
  }

  it('is read by Prometheus', async () => {
    await expect.poll(() => scrapes(), { timeout: 60_000, interval: 200 }).toBeGreaterThan(5)
  })

  it('shows what is declared of it, and nothing else', async () => {
    const text = await (await fetch(`http://127.0.0.1:${relay.opsPort}/metrics`)).text()
    const shown = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
    const ofAll = declared.filter(({ where }) => where !== 'cluster').map(({ name }) => name)
    for (const name of ofAll) expect(shown, name).toContain(name)
    for (const name of shown) expect(ofAll, name).toContain(name)
  })

  it('every query is understood, and no alert fires where all is well', async () => {
    for (const { expr } of await allQueries()) await ask(expr)
    for (const { alert, expr } of await readAlerts())
      if (!OF_THE_MACHINE.includes(alert)) expect(await ask(expr), alert).toEqual([])
  })

  it('the first dashboard opens with data in every panel', async () => {
    for (const { title, targets } of readDashboards().get('relay-overview') ?? []) {
      // Nothing is refused here.
      if (title.startsWith('Refused')) continue
      const found = await Promise.all(targets.map(({ expr }) => ask(withoutVariables(expr))))
      expect(found.flat().length, title).toBeGreaterThan(0)
    }
  })
})

async function keepBusy(network: SimNetwork, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const did of network.residents.keys())
      await network.commit(did, (account) => account.post()).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
