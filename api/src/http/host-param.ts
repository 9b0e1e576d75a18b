import { type HostAddress, HostnameError, parseHost } from '@bgs/runtime/net/hostname.ts'
import { invalid } from './xrpc-error.ts'

/** A host as somebody names it; `what` says where that stood. Throws an XrpcError that says what is wrong with it. */
export function hostParam(text: string, allowPrivate: boolean, what: string): HostAddress {
  try {
    return parseHost(text, allowPrivate)
  } catch (error) {
    if (error instanceof HostnameError) throw invalid(`${what}: ${error.message}`)
    throw error
  }
}
