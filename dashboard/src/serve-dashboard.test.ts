import { createServer, type Server } from 'node:http'
import { listen } from '@bgs/runtime/service/listen.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDashboard } from './serve-dashboard.ts'

let server: Server
let url: string
beforeAll(async () => {
  const dashboard = createDashboard()
  server = createServer((request, response) => {
    if (!dashboard(request, response)) response.writeHead(404).end('not the dashboard')
  })
  url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const get = (path: string, init: RequestInit = {}) => fetch(url + path, { redirect: 'manual', ...init })

describe('the dashboard on its listener', () => {
  it('every script that one of its files names is there, and nothing is left of its types', async () => {
    const seen = new Set<string>()
    const look = async (path: string): Promise<void> => {
      if (seen.has(path)) return
      seen.add(path)
      const response = await get(path)
      expect([path, response.status, response.headers.get('content-type')]).toEqual([
        path,
        200,
        'text/javascript; charset=utf-8',
      ])
      const text = await response.text()
      expect(text, path).not.toMatch(/^(interface|export interface|import type) /m)
      for (const [, name = ''] of text.matchAll(/from '(\.[^']+)'/g))
        await look(new URL(name, url + path).pathname)
    }
    await look('/dashboard/main.ts')
    expect([...seen]).toEqual(
      expect.arrayContaining(['/dashboard/vendor/preact.js', '/dashboard/vendor/uplot.js']),
    )
  })

  it('nothing inline, nothing from elsewhere, no framing; tests and declarations are not served', async () => {
    const page = await get('/dashboard/')
    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    const text = await page.text()
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:/)
    for (const path of ['figures.test.ts', 'vendor/preact.d.ts', '../package.json', '%2e%2e/package.json'])
      expect((await get(`/dashboard/${path}`)).status, path).toBe(404)
  })

  it("a browser is sent there from the listener's own page, anything else is not", async () => {
    const browser = await get('/', { headers: { accept: 'text/html,*/*' } })
    expect([browser.status, browser.headers.get('location')]).toEqual([303, '/dashboard/'])
    expect((await get('/')).status).toBe(404)
    expect((await get('/dashboard')).headers.get('location')).toBe('/dashboard/')
    expect((await get('/dashboard/', { method: 'POST' })).status).toBe(404)
  })

  it('what a browser has already is not sent again', async () => {
    const etag = (await get('/dashboard/dashboard.css')).headers.get('etag') as string
    expect((await get('/dashboard/dashboard.css', { headers: { 'if-none-match': etag } })).status).toBe(304)
    const head = await get('/dashboard/dashboard.css', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })
})
