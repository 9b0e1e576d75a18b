/** Why a connection to a host was never opened, in words from a closed set. */
export type HandshakeFailure = 'name' | 'tls' | 'refused' | 'timeout' | 'http' | 'forbidden' | 'other'

const NAME = new Set(['ENOTFOUND', 'EAI_AGAIN'])
const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'])
/** As OpenSSL and Node name what is wrong with a certificate or with the talk about it. */
const TLS =
  /^(ERR_TLS|ERR_SSL|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(VERIFY|GET|DECRYPT)|HOSTNAME_MISMATCH|EPROTO|INVALID_(CA|PURPOSE)|PATH_LENGTH)/

/** What an error of the socket before it was open comes to: an operator looks elsewhere for each. */
export function handshakeFailure(error: NodeJS.ErrnoException): HandshakeFailure {
  const { code = '', message } = error
  if (code === 'forbidden-address') return 'forbidden'
  if (NAME.has(code)) return 'name'
  if (TLS.test(code)) return 'tls'
  if (REFUSED.has(code)) return 'refused'
  if (code === 'ETIMEDOUT') return 'timeout'
  if (message.startsWith('Unexpected server response') || message.includes('redirect')) return 'http'
  return 'other'
}
