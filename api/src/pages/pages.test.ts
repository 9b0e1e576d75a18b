import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import { askForHost, REFRESH_DOMAIN } from '@bgs/database/hosts/host-rows.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { ADVICE } from '@bgs/protocol/reasons/advice.ts'
import { REASON_NAMES } from '@bgs/protocol/reasons/reason.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { LocalLimits } from '../http/call-limits.ts'
import { createCall } from '../xrpc/call.ts'
import { html } from './html.ts'
import { pageAt } from './pages.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const NOW = 1_790_000_000_000

let database: SqliteDatabase
beforeEach(async () => {
  database = await SqliteDatabase.open(':memory:')
  await askForHost(database, {
    hostname: 'pds.example.com',
    trusted: false,
    accountLimit: 100,
    source: 'request',
    nowMs: NOW - 1_000,
  })
  return () => database.close()
})

const run = (sql: string) => database.transaction([{ sql, rows: [[]] }])

/** A page as it is asked for from outside. */
async function get(path: string, accept = 'text/html') {
  const call = createCall({
    context: {
      database,
      wakeUps: new LocalWakeUps(),
      limits: new LocalLimits(),
      allowPrivate: false,
      newHosts: { accountLimit: 100, perDay: 50, trustedDomains: [] },
      log: { bounds: () => ({ first: 2 ** 32, next: 2 ** 32 + 12_345, evicted: false }) },
      windowHours: 72,
      eventsPerSecond: () => 7.5,
      now: () => NOW,
    },
    databaseAway: () => undefined,
    logger: createLogger('silent'),
  })
  const found = pageAt(new URL(path, 'http://relay'), accept)
  if (found === undefined) return { status: 404, body: undefined }
  if ('location' in found) return { status: 303, body: found.location }
  return call(found.name, { params: found.params, address: '203.0.113.1', body: undefined })
}

describe('the public pages', () => {
  it('what others have chosen is escaped, wherever it stands', () => {
    const evil = `<img src=x onerror="a('b')">&`
    expect(html`<a href="${evil}">${evil}</a>${[evil]}`.text).toBe(
      '<a href="&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;</a>&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;',
    )
  })

  it('/ says where the relay stands and how to connect; the same as JSON by suffix, parameter or header', async () => {
    const { status, body } = await get('/')
    expect(status).toBe(200)
    expect(body).toContain('4,294,979,640')
    expect(body).toContain('com.atproto.sync.subscribeRepos')
    for (const [path, accept] of [
      ['/?format=json', 'text/html'],
      ['/', 'application/json'],
    ] as const)
      expect((await get(path, accept)).body).toMatchObject({
        head: 2 ** 32 + 12_344,
        eventsPerSecond: 7.5,
        hosts: { active: 1 },
      })
  })

  it('/hosts finds hosts by name and state, in the order asked for', async () => {
    for (const [i, name] of ['a', 'b', 'c'].entries())
      await askForHost(database, {
        hostname: `${name}.other.com`,
        trusted: false,
        accountLimit: 1,
        source: 'request',
        nowMs: NOW + i,
      })
    await run("UPDATE hosts SET account_count = 9 WHERE hostname = 'b.other.com'")
    await run("INSERT INTO domains VALUES ('c.other.com', 'ban', 1)")
    await database.transaction([{ sql: REFRESH_DOMAIN, rows: [['c.other.com', NOW]] }])
    const names = async (query: string) => {
      const { body } = await get(`/hosts.json?${query}`)
      return (body as { hosts: { hostname: string; status: string }[] }).hosts.map(({ hostname }) => hostname)
    }
    expect(await names('q=OTHER&order=accounts')).toEqual(['b.other.com', 'a.other.com', 'c.other.com'])
    expect(await names('status=banned')).toEqual(['c.other.com'])
    expect(await names('status=active&q=%25')).toHaveLength(3)
    expect((await get('/hosts?order=x')).status).toBe(400)
    expect((await get('/hosts')).body).toContain('href="/hosts/b.other.com"')
  })

  it('/hosts/NAME says how a host fares, what was refused, with examples and what to do', async () => {
    await run(
      `UPDATE hosts SET status = 'offline', last_error = 'connect ECONNREFUSED', retry_at_ms = ${NOW}, throttled_count = 2,
        account_count = 102, epoch = 3, sequence_ms = ${NOW}`,
    )
    await run(`INSERT INTO refusals VALUES ('pds.example.com', 'signature-invalid', 7, ${NOW - 5_000})`)
    await run(
      `INSERT INTO refused_frames VALUES ('pds.example.com', 'signature-invalid', 0, ${NOW}, '${DID}', 12, '<b>', NULL, NULL)`,
    )
    const { body } = await get('/hosts/pds.example.com')
    for (const text of [
      'offline',
      'connect ECONNREFUSED',
      'began anew 2 times',
      '102 of 100',
      '50 events a second, 2,600 an hour, 21,000 a day, 1,100 an hour that are no commits',
      '7 times, last 5 s ago',
      '&lt;b&gt;',
      `/accounts/${encodeURIComponent(DID)}`,
      ADVICE['signature-invalid'],
    ])
      expect(body).toContain(text)
    expect((await get('/hosts/pds.example.com.json')).body).toMatchObject({
      status: 'offline',
      refusals: [
        {
          reason: 'signature-invalid',
          frames: 7,
          advice: ADVICE['signature-invalid'],
          examples: [{ seq: 12 }],
        },
      ],
    })
    expect((await get('/hosts/unknown.com')).status).toBe(404)
    expect((await get('/hosts/127.0.0.1')).status).toBe(400)
  })

  it.each([
    ['active', 'active', 'The relay carries this account.'],
    ['throttled', 'active', 'Its host has more accounts than this relay lets through'],
    ['throttled:conduct', 'active', 'It said too much in an hour'],
    ['takendown', 'active', 'The operator of this relay has it taken down'],
    ['suspended', 'active', 'The operator of this relay has it suspended'],
    ['active', 'deactivated', 'Its own host says that it is deactivated'],
  ])('/accounts/DID says why: local %s, upstream %s', async (local, upstream, say) => {
    await run(
      `INSERT INTO accounts VALUES (4294967296, '${DID}', 'pds.example.com', '{}', 1, 1, '3kabcdefg2222', NULL, NULL,
        '${upstream}', '${local}', '', 1, 3, 0)`,
    )
    await run(`INSERT INTO throttles VALUES ('${DID}', ${NOW + 60_000})`)
    await run(
      `INSERT INTO account_refusals VALUES ('${DID}', 'pds.example.com', 'account-inactive', ${NOW}, 4)`,
    )
    const { body } = await get(`/accounts/${encodeURIComponent(DID)}`)
    expect(body).toContain(say)
    expect(body).toContain('account-inactive')
    expect((await get(`/accounts/${DID}.json`)).body).toMatchObject({
      local,
      upstream,
      discontinuities: 3,
      lastRefusal: { reason: 'account-inactive', frames: 4 },
    })
  })

  it('an account of which nothing came through, one that is unknown, and what is none', async () => {
    expect((await get(`/accounts/${DID}`)).status).toBe(404)
    await run(
      `INSERT INTO account_refusals VALUES ('${DID}', 'pds.example.com', 'identity-no-key', ${NOW}, 1)`,
    )
    expect((await get(`/accounts/${DID}`)).body).toContain('Nothing of this account was let through yet')
    expect((await get('/accounts/alice.example.com')).status).toBe(400)
    expect((await get(`/accounts?did=${DID}`)).body).toBe(`/accounts/${encodeURIComponent(DID)}`)
    expect((await get('/accounts')).body).toContain('<form')
    expect((await get('/nothing')).status).toBe(404)
  })

  it('there is something to do about each reason', () => {
    for (const reason of REASON_NAMES) expect(ADVICE[reason].length).toBeGreaterThan(10)
  })
})
