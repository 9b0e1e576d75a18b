import type { Identity } from '../identity/document.ts'

/** An identity for tests that verify no signatures. */
export function identityOf(did: string, change: Partial<Identity> = {}): Identity {
  return {
    did,
    keyType: 'Multikey',
    keyMultibase: 'zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF',
    pdsHost: 'pds.example.com',
    handle: '',
    digest: 'digest',
    ...change,
  }
}
