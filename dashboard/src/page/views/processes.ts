import type { Overview } from '../answers.ts'
import { ago, bytes, seconds } from '../format.ts'
import type { History } from '../history.ts'
import { Table } from '../table.ts'
import { html } from '../vendor/preact.js'

/** Who runs: memory and CPU of each process, and in a cluster who is a member, what it has leased and who leads. */
export function Processes({ overview, history }: { overview: Overview; history: History }) {
  const [first, now] = [history.readings[0], history.readings.at(-1)]
  const running = (now?.processes ?? []).map(({ id, role, memoryBytes, cpuSeconds }) => {
    const before = first?.processes.find((one) => one.id === id)
    const span = ((now?.nowMs ?? 0) - (first?.nowMs ?? 0)) / 1_000
    const cpu = before === undefined || span <= 0 ? undefined : (cpuSeconds - before.cpuSeconds) / span
    return {
      key: id,
      cells: [
        html`<code>${id.slice(0, 8)}</code>`,
        role,
        bytes(memoryBytes),
        cpu === undefined ? '–' : `${(cpu * 100).toFixed(0)} %`,
      ],
    }
  })
  return html`<${Table}
      caption="Processes"
      columns=${[{ title: 'Process' }, { title: 'Roles' }, { title: 'Memory', isNumber: true }, { title: 'CPU', isNumber: true }]}
      rows=${running}
      none="None has told its figures yet."
    />
    <${Members} overview=${overview} />`
}

function Members({ overview }: { overview: Overview }) {
  const { members, partitions, nowMs } = overview
  if (members.length === 0)
    return html`<section class="box">
      <h2>Leader and leases</h2>
      <p class="quiet">One process does everything: it leads, and there is nothing to lease.</p>
    </section>`
  const rows = members.map(({ id, role, startedMs, expiresMs }) => {
    const owned = partitions.filter(({ owner }) => owner === id)
    const leads = owned.some(({ topic }) => topic === 'sequenced')
    const leased = owned
      .filter(({ topic }) => topic !== 'sequenced')
      .map(({ topic, number }) => `${topic} ${number}`)
    return {
      key: id,
      cells: [
        html`<code>${id}</code>`,
        html`${role}${leads && html` <b class="state good">leads</b>`}`,
        ago(startedMs, nowMs),
        expiresMs < nowMs ? html`<b class="bad">expired</b>` : `for ${seconds((expiresMs - nowMs) / 1_000)}`,
        leased.length === 0 ? '–' : leased.join(', '),
      ],
    }
  })
  const columns = [
    { title: 'Member' },
    { title: 'Role' },
    { title: 'Began' },
    { title: 'Lease' },
    { title: 'Partitions', isText: true },
  ]
  return html`<${Table} caption="Leader and leases" columns=${columns} rows=${rows} none="" />`
}
