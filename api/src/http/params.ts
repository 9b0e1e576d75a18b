import { parseDid } from '@bgs/protocol/syntax/did.ts'
import { invalid } from './xrpc-error.ts'

/** The parameter `name`, once. Throws an XrpcError that names it. */
export function required(params: URLSearchParams, name: string): string {
  const value = optional(params, name)
  if (value === null) throw invalid(`the parameter "${name}" is required`)
  return value
}

/**
 * The parameter `name`, or null where it is not given. An empty one is none: many clients write each parameter that they
 * know, whether they have a value for it or not. Throws an XrpcError where it is given twice.
 */
export function optional(params: URLSearchParams, name: string): string | null {
  const values = params.getAll(name)
  if (values.length > 1) throw invalid(`the parameter "${name}" is given more than once`)
  return values[0] || null
}

/** The parameter `did`, checked. */
export function requiredDid(params: URLSearchParams, isLocalhostAllowed: boolean): string {
  const did = parseDid(required(params, 'did'), isLocalhostAllowed)
  if (did === null) throw invalid('the parameter "did" is not a did:plc or did:web')
  return did
}

/** A whole number within bounds; out of them is refused, not clamped (protocol.md section 7). */
export function integer(
  params: URLSearchParams,
  name: string,
  bounds: { least: number; most: number; fallback: number },
): number {
  const text = optional(params, name)
  if (text === null) return bounds.fallback
  const value = Number(text)
  if (!/^-?\d{1,16}$/.test(text) || value < bounds.least || value > bounds.most)
    throw invalid(`the parameter "${name}" must be a whole number from ${bounds.least} to ${bounds.most}`)
  return value
}
