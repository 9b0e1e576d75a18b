import type { Identity } from './document.ts'

type StoredIdentity = Omit<Identity, 'pdsHost'> & { readonly pds: string }

/** As it is kept in the database and in Redis, where `pdsHost` is called `pds`: other versions read it, too. */
export function encodeIdentity({ did, keyType, keyMultibase, pdsHost, handle, digest }: Identity): string {
  const stored: StoredIdentity = { did, keyType, keyMultibase, pds: pdsHost, handle, digest }
  return JSON.stringify(stored)
}

/** Throws SyntaxError where `text` is not JSON. */
export function decodeIdentity(text: string): Identity {
  const { did, keyType, keyMultibase, pds, handle, digest } = JSON.parse(text) as StoredIdentity
  return { did, keyType, keyMultibase, pdsHost: pds, handle, digest }
}
