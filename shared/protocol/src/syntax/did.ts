declare const didBrand: unique symbol

/** A DID that a relay takes events of (protocol.md G4). Made only by `parseDid`. */
export type Did = string & { readonly [didBrand]: true }

const MAX_DID_LENGTH = 2_048
const PLC = /^did:plc:[a-z2-7]{24}$/
const WEB =
  /^did:web:(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/
/** A development server, `did:web:localhost%3A2583`. */
const LOCALHOST = /^did:web:localhost(?:%3A[1-9][0-9]{0,4})?$/
const ENDS_IN_NUMBER = /\.[0-9]+$/

/**
 * A lower-case did:plc, or a did:web of a hostname: no port, no path, no address. `isLocalhostAllowed` also takes
 * the form of a development server. Null for anything else, also for casing: the commit must name it byte for byte.
 */
export function parseDid(text: string, isLocalhostAllowed = false): Did | null {
  if (text.length > MAX_DID_LENGTH) return null
  if (PLC.test(text)) return text as Did
  if (WEB.test(text) && !ENDS_IN_NUMBER.test(text)) return text as Did
  return isLocalhostAllowed && LOCALHOST.test(text) ? (text as Did) : null
}
