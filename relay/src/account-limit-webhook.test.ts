import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { askForHost } from '@bgs/database/hosts/host-rows.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { keepingLogger } from '@bgs/testkit/log-lines.ts'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AccountLimitWebhook } from './account-limit-webhook.ts'
import { webhookMetrics } from './metrics.ts'

const DAY_MS = 86_400_000

let database: SqliteDatabase
let server: Server
let url: string
let nowMs = 1_000_000
let status = 204
const got: unknown[] = []
const signal = new AbortController().signal

beforeEach(async () => {
  database = await SqliteDatabase.open(':memory:')
  got.length = 0
  status = 204
  nowMs = 1_000_000
  server = createServer((request, response) => {
    void json(request).then((body) => {
      got.push(body)
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=very-secret`
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await database.close()
})

/** A host with so many accounts of 10. */
async function host(hostname: string, accounts: number, throttled = 0): Promise<void> {
  await askForHost(database, { hostname, trusted: false, accountLimit: 10, source: 'request', nowMs })
  const sql = 'UPDATE hosts SET account_count = $2, throttled_count = $3 WHERE hostname = $1'
  await database.transaction([{ sql, rows: [[hostname, accounts, throttled]] }])
}

function webhook(kept = keepingLogger()): AccountLimitWebhook {
  const metrics = webhookMetrics(new Registry())
  return new AccountLimitWebhook({
    database,
    url,
    metrics,
    logger: kept.logger,
    now: () => nowMs,
    retryMs: [1, 1],
  })
}

describe('the webhook for account limits', () => {
  it('is told once when a host is full, and once a day while it stays so', async () => {
    const hook = webhook()
    await host('a.example', 9)
    await hook.look(signal)
    await host('a.example', 12, 2)
    await hook.look(signal)
    await hook.look(signal)
    expect(got).toEqual([
      { kind: 'account-limit', host: 'a.example', accounts: 12, limit: 10, throttled: 2, atMs: nowMs },
    ])
    // Up and down at the edge of it is no news.
    await host('a.example', 9)
    await hook.look(signal)
    await host('a.example', 10)
    await hook.look(signal)
    expect(got).toHaveLength(1)
    nowMs += DAY_MS
    await hook.look(signal)
    expect(got).toHaveLength(2)
  })

  it('is not told again after a restart', async () => {
    await host('a.example', 10)
    const hook = webhook()
    await hook.look(signal)
    expect(got).toEqual([])
    await host('b.example', 10)
    await hook.look(signal)
    expect(got).toMatchObject([{ host: 'b.example' }])
    nowMs += DAY_MS
    await hook.look(signal)
    expect(got).toHaveLength(3)
  })

  it.for([500, 302])('that answers %i is tried a few times, and its URL is in no log', async (answer) => {
    const kept = keepingLogger()
    const hook = webhook(kept)
    await hook.look(signal)
    await host('a.example', 10)
    status = answer
    await hook.look(signal)
    expect(got).toHaveLength(3)
    expect(JSON.stringify(kept.lines)).toContain('given up')
    expect(JSON.stringify(kept.lines)).not.toContain('very-secret')
    await hook.look(signal)
    expect(got).toHaveLength(3)
  })

  it('that is away harms nothing', async () => {
    server.close()
    const kept = keepingLogger()
    const hook = webhook(kept)
    await hook.look(signal)
    await host('a.example', 10)
    await hook.look(signal)
    expect(JSON.stringify(kept.lines)).toContain('ECONNREFUSED')
  })
})
