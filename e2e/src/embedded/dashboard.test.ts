import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type RelayProcess, startRelayProcess } from '@bgs/relay/testing/relay-process.ts'
import { runActivity } from '@bgs/simnet/activity.ts'
import { SimNetwork } from '@bgs/simnet/network.ts'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { tempFolder } from '../harness/temp-folder.ts'
import { openBrowser } from './dashboard-browser.ts'

const PASSWORD = 'a-password-é'
const OUTPUT = join(import.meta.dirname, '../../output/dashboard')
const HOSTS = 4
const PER_SECOND = 30
/** What is on the page is a reading or two behind. */
const TIMEOUT = { timeout: 20_000, interval: 100 }
const PHONE = { width: 360, height: 740 }
const DESK = { width: 1_280, height: 900 }
const VIEWS = ['overview', 'hosts', 'accounts', 'consumers', 'stream', 'audit']

describe('the dashboard, in a browser, over a running relay', () => {
  const folder = tempFolder()
  const over = new AbortController()
  let network: SimNetwork
  let relay: RelayProcess
  let socket: WebSocket
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let activity: Promise<number>
  const complaints: string[] = []

  const at = (view: string) => `http://127.0.0.1:${relay.opsPort}/dashboard/#/${view}`
  const shot = (name: string) => page.screenshot({ path: join(OUTPUT, `${name}.png`), fullPage: true })
  const figure = async (name: string) =>
    Number.parseFloat((await page.locator(`[data-figure=${name}]`).textContent()) ?? '')
  const poll = <T>(what: () => T) => expect.poll(what, TIMEOUT)
  const open = async (view: string) => {
    await page.goto(at(view))
    await page.locator('h1').waitFor()
  }
  /** Tab, until what has the focus says so: as one does who has no mouse. */
  const tabTo = async (name: string) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab')
      const focused = await page.evaluate(
        `document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent`,
      )
      if (String(focused).trim().startsWith(name)) return
    }
    throw new Error(`"${name}" is not reached by Tab`)
  }
  const logIn = async (password: string) => {
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Log in' }).click()
  }

  beforeAll(async () => {
    mkdirSync(OUTPUT, { recursive: true })
    browser = await openBrowser()
    network = await SimNetwork.start({ seed: 33, hosts: HOSTS, accountsPerHost: 4 })
    relay = await startRelayProcess({
      ...network.relayEnv(),
      RELAY_DATA_DIR: folder.path,
      RELAY_ADMIN_PASSWORD: PASSWORD,
    })
    socket = new WebSocket(`${relay.url}?cursor=0`, { headers: { 'user-agent': '<b>a subscriber</b>' } })
    activity = runActivity(network, PER_SECOND, over.signal)
    context = await browser.newContext({ viewport: DESK, colorScheme: 'light' })
    page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
  })

  afterAll(async () => {
    over.abort()
    await activity
    await browser?.close()
    socket?.terminate()
    await relay?.kill('SIGKILL')
    await network?.close()
    folder.remove()
  })

  it("a browser that asks for the operator listener's page gets it, anything else the line of text", async () => {
    const root = `http://127.0.0.1:${relay.opsPort}/`
    expect(await (await fetch(root)).text()).toContain('/metrics')
    const files = await fetch(`${root}dashboard/`)
    expect(files.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    await page.goto(root)
    expect(page.url()).toBe(`${root}dashboard/`)
    await page.getByLabel('Password').waitFor()
    await shot('login')
  })

  it('a wrong password is said to be one, without a prompt of the browser; the right one lets in', async () => {
    await logIn('wrong')
    await poll(() => page.getByRole('alert').textContent()).toContain('not the password')
    // The browser notes each answer of 4xx; this one was meant.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('401')])
    await logIn(PASSWORD)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
  })

  it('events go in and out', async () => {
    await poll(() => figure('in')).toBeGreaterThan(0)
    await poll(() => figure('sequenced')).toBeGreaterThan(0)
    await poll(() => figure('out')).toBeGreaterThan(0)
    await poll(() => figure('hosts')).toBe(HOSTS)
    expect(await figure('subscribers')).toBe(1)
    await page.getByRole('heading', { name: 'Sequencer' }).waitFor()
    await expect.poll(() => page.locator('canvas').count()).toBe(2)
  })

  it('a host is found, and banned by the keyboard alone; its state changes and the audit log says so', async () => {
    const banned = network.hosts[1]?.hostname as string
    await page.keyboard.press('Tab')
    await tabTo('Hosts')
    await page.keyboard.press('Enter')
    await poll(() => page.locator('tbody tr').count()).toBe(HOSTS)
    await tabTo('Name holds')
    await page.keyboard.type(banned)
    await poll(() => page.locator('tbody tr').count()).toBe(1)
    await tabTo(banned)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: banned }).waitFor()
    await poll(() => page.locator('h1 .state').textContent()).toBe('active')

    await tabTo('Ban')
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('disconnected at once').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.keyboard.press('Enter')
    await dialog.waitFor()
    await tabTo('Why?')
    await page.keyboard.type('floods, <i>says a test</i>')
    await shot('dialog')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await poll(() => page.getByRole('status').textContent()).toContain(`Done: Ban ${banned}`)
    await poll(() => page.locator('h1 .state').textContent()).toBe('banned')
    await shot('host')

    await open('audit')
    const entry = page.locator('tbody tr').first()
    await poll(() => entry.textContent()).toContain(`host ban${banned}floods, <i>says a test</i>`)
  })

  it('what the API refuses is said where it was asked for', async () => {
    await open('accounts')
    await page.getByLabel('Domain').fill('no domain!')
    await page.getByRole('button', { name: 'Ban domain' }).click()
    await page.getByRole('dialog').getByLabel('Why?').fill('a test')
    await page.getByRole('dialog').getByRole('button', { name: 'Ban', exact: true }).click()
    await poll(() => page.getByRole('dialog').getByRole('alert').textContent()).toContain('is not a domain')
    expect(await page.getByLabel('Why?').inputValue()).toBe('a test')
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(complaints.splice(0)).toEqual([expect.stringContaining('400')])
  })

  it('an account is looked up, taken down and restored', async () => {
    const [did] = [...network.residents.keys()] as [string]
    await page.getByLabel('DID').fill(did)
    // What is typed stays, whatever is read meanwhile.
    await page.waitForResponse('**/admin/accounts')
    await page.waitForResponse('**/admin/accounts')
    await page.getByRole('button', { name: 'Look up' }).click()
    await page.getByRole('button', { name: 'Take down' }).click()
    await page.getByLabel('Why?').fill('a test')
    await page.getByRole('dialog').getByRole('button', { name: 'Take down' }).click()
    await page.getByRole('button', { name: 'Restore' }).waitFor()
    await poll(() => page.getByRole('table', { name: 'Held back' }).textContent()).toContain(did)
    await page.getByRole('button', { name: 'Restore' }).click()
    await page.getByLabel('Why?').fill('a test')
    await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click()
    await page.getByRole('button', { name: 'Suspend' }).waitFor()
  })

  it('the live sample shows new events', async () => {
    await open('stream')
    const newest = async () => Number(await page.locator('tbody th').first().textContent())
    await poll(newest).toBeGreaterThan(0)
    const before = await newest()
    await poll(newest).toBeGreaterThan(before)
  })

  it('consumers are seen; what they call themselves is text; one is sent away', async () => {
    await open('consumers')
    await page.getByText('<b>a subscriber</b>').waitFor()
    await shot('consumers')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByLabel('Why?').fill('a test')
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    expect(await closed).toBe(1008)
    socket = new WebSocket(relay.url)
  })

  it.each(VIEWS)('%s fits a phone, in the dark', async (view) => {
    await page.setViewportSize(PHONE)
    await page.emulateMedia({ colorScheme: 'dark' })
    await open(view)
    await page.locator('main .box').first().waitFor()
    const wide = await page.evaluate('document.documentElement.scrollWidth')
    expect(wide).toBeLessThanOrEqual(PHONE.width)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(16, 21, 28)')
    await shot(`phone-dark-${view}`)
  })

  it('a host and a dialog fit a phone, too', async () => {
    await page.setViewportSize(PHONE)
    await open(`hosts/${encodeURIComponent(network.hosts[0]?.hostname as string)}`)
    await page.getByRole('button', { name: 'Set limits' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Events per second').fill('9999999999')
    await dialog.getByLabel('Why?').fill('a test')
    await dialog.getByRole('button', { name: 'Set limits' }).click()
    await poll(() => dialog.getByRole('alert').textContent()).toContain('Refused')
    expect(await dialog.getByLabel('Events per second').inputValue()).toBe('9999999999')
    complaints.splice(0)
    await dialog.getByLabel('Events per second').fill('500')
    await shot('phone-dark-dialog')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width)
    await dialog.getByRole('button', { name: 'Set limits' }).click()
    await dialog.waitFor({ state: 'detached' })
    await poll(() => page.locator('main').textContent()).toContain('500')
  })

  it.each(VIEWS)('%s on a desk, in the light and in the dark', async (view) => {
    await page.setViewportSize(DESK)
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme })
      await open(view)
      await page.locator('main .box').first().waitFor()
      await shot(`desk-${colorScheme}-${view}`)
    }
  })

  it('a password is kept over a reload only where that is ticked, and not after logging out', async () => {
    await page.reload()
    await page.getByLabel('Keep it').check()
    await logIn(PASSWORD)
    await page.getByRole('heading', { name: 'Audit log' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Audit log' }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Password').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
  })

  it('has nothing to complain about: no breach of the policy, no error', () => {
    expect(complaints).toEqual([])
  })
})
