import type { IncomingMessage } from 'node:http'
import { ClientAddresses } from '@bgs/runtime/service/client-address.ts'
import { describe, expect, it } from 'vitest'
import type { XrpcError } from '../http/xrpc-error.ts'
import { AdminAuth } from './admin-auth.ts'

/** No proxy is trusted. */
const NOBODY = new ClientAddresses([])
const PASSWORD = 'ä:b'

function request(headers: Record<string, string>, method = 'GET'): IncomingMessage {
  return {
    method,
    headers: { host: 'relay:2471', ...headers },
    socket: { remoteAddress: '10.0.0.1' },
  } as unknown as IncomingMessage
}

function refusal(auth: AdminAuth, asked: IncomingMessage): XrpcError {
  try {
    auth.authenticate(asked)
  } catch (error) {
    return error as XrpcError
  }
  throw new Error('it was let in')
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

describe('authentication of the admin API', () => {
  it('lets in whoever has one of the passwords, and says which', () => {
    const auth = new AdminAuth(['other', PASSWORD], NOBODY)
    expect(auth.authenticate(request(basic(`admin:${PASSWORD}`)))).toBe('admin (password 2) from 10.0.0.1')
    expect(refusal(auth, request(basic(`root:${PASSWORD}`))).status).toBe(401)
    expect(refusal(new AdminAuth([], NOBODY), request(basic('admin:'))).code).toBe('AdminDisabled')
  })

  it('has a browser ask for a password, but not where the dashboard does', () => {
    const auth = new AdminAuth([PASSWORD], NOBODY)
    expect(refusal(auth, request({})).headers['www-authenticate']).toContain('Basic')
    const { status, headers } = refusal(auth, request({ 'x-requested-with': 'dashboard' }))
    expect([status, headers]).toEqual([401, {}])
  })

  it('a page of another site gets nothing, whatever password the browser sends along', () => {
    const auth = new AdminAuth([PASSWORD], NOBODY)
    const right = basic(`admin:${PASSWORD}`)
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', 'x-requested-with': 'dashboard' },
    ])
      expect(refusal(auth, request({ ...right, ...headers })).status).toBe(403)
    expect(refusal(auth, request({ ...right, 'content-type': 'text/plain' }, 'POST')).status).toBe(415)
    const own = {
      origin: 'http://relay:2471',
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json',
    }
    expect(auth.authenticate(request({ ...right, ...own }, 'POST'))).toContain('password 1')
  })

  it('guessing is slowed down, with and without the header of the dashboard; who is right is still let in', () => {
    const auth = new AdminAuth([PASSWORD], NOBODY)
    const guess = request({ ...basic('admin:guess'), 'x-requested-with': 'dashboard' })
    const answers = Array.from({ length: 12 }, () => refusal(auth, guess).status)
    expect(answers[0]).toBe(401)
    expect(answers.at(-1)).toBe(429)
    expect(auth.authenticate(request(basic(`admin:${PASSWORD}`)))).toContain('password 1')
  })
})
