import { join } from 'node:path'
import { askForHost } from '@bgs/database/hosts/host-rows.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { sequencerMetrics } from '../metrics.ts'
import { tempFolder } from '../testing/scene.ts'
import { HostStats } from './host-stats.ts'

it('hosts are counted by state, with their accounts', async () => {
  await using folder = await tempFolder()
  const database = await SqliteDatabase.open(join(folder.path, 'state.db'))
  const add = async (hostname: string, changes: string) => {
    await askForHost(database, { hostname, trusted: false, accountLimit: 10, source: 'request', nowMs: 1 })
    await database.transaction([
      { sql: `UPDATE hosts SET ${changes} WHERE hostname = $1`, rows: [[hostname]] },
    ])
  }
  await add('a.example', 'account_count = 12, throttled_count = 2')
  await add('b.example', "status = 'offline', account_count = 9")
  await add('c.example', 'paused = 1')
  await add('d.example', 'paused = 1, banned = 1')
  await database.transaction([
    { sql: 'INSERT INTO throttles (did, until_ms) VALUES ($1, $2)', rows: [['did:plc:a', 1]] },
  ])
  const registry = new Registry()
  const stats = new HostStats(database, sequencerMetrics(registry))
  await stats.count()
  const text = await registry.metrics()
  for (const line of [
    'relay_sequencer_known_hosts{status="active"} 1',
    'relay_sequencer_known_hosts{status="offline"} 1',
    'relay_sequencer_known_hosts{status="paused"} 1',
    'relay_sequencer_known_hosts{status="banned"} 1',
    'relay_sequencer_full_hosts 1',
    'relay_sequencer_accounts 21',
    'relay_sequencer_throttled_accounts{cause="limit"} 2',
    'relay_sequencer_throttled_accounts{cause="conduct"} 1',
  ])
    expect(text).toContain(`${line}\n`)
  // Another process counts from here on.
  const stop = new AbortController()
  stop.abort()
  await stats.run(stop.signal)
  expect(await registry.metrics()).not.toContain('status="active"')
  await database.close()
})
