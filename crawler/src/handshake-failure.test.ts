import { expect, it } from 'vitest'
import { handshakeFailure } from './handshake-failure.ts'

const failed = (code: string, message = '') => handshakeFailure(Object.assign(new Error(message), { code }))

it('tells certificates from names, ports and answers', () => {
  expect(failed('CERT_HAS_EXPIRED')).toBe('tls')
  expect(failed('DEPTH_ZERO_SELF_SIGNED_CERT')).toBe('tls')
  expect(failed('ERR_TLS_CERT_ALTNAME_INVALID')).toBe('tls')
  expect(failed('UNABLE_TO_VERIFY_LEAF_SIGNATURE')).toBe('tls')
  expect(failed('ENOTFOUND')).toBe('name')
  expect(failed('ECONNREFUSED')).toBe('refused')
  expect(failed('ETIMEDOUT')).toBe('timeout')
  expect(failed('', 'Unexpected server response: 502')).toBe('http')
  expect(failed('SOMETHING')).toBe('other')
})
