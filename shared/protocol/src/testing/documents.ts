import { readVector, vectorsOr } from '@bgs/testkit/vectors.ts'
import { legacyForm } from './made-signatures.ts'

/** The account of the documents. */
export const DOCUMENT_DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
export const DOCUMENT_KEY = 'zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF'

/** A PLC document with a Multikey, the same with a key of 2019, and a did:web without a key. */
export interface Documents {
  readonly plc: string
  readonly legacy: string
  readonly web: string
}

const NAMES = ['identity/did_plc_doc.json', 'identity/did_plc_doc_legacy.json', 'identity/did_web_doc.json']

/** Documents as directories have served them, or equivalents. */
export const documents = await vectorsOr<Documents>(
  NAMES,
  () => {
    const [plc = '', legacy = '', web = ''] = NAMES.map(readVector)
    return { plc, legacy, web }
  },
  () => ({
    plc: madeDocument('Multikey', DOCUMENT_KEY),
    legacy: madeDocument('EcdsaSecp256k1VerificationKey2019', legacyForm(DOCUMENT_KEY)),
    web: JSON.stringify({
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: 'did:web:discover.bsky.social',
      alsoKnownAs: [],
      authentication: null,
      verificationMethod: [],
      service: [
        { id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: 'https://discover.bsky.social' },
      ],
    }),
  }),
)

function madeDocument(type: string, publicKeyMultibase: string): string {
  return JSON.stringify({
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: DOCUMENT_DID,
    alsoKnownAs: ['at://atproto.com'],
    verificationMethod: [
      { id: `${DOCUMENT_DID}#atproto`, type, controller: DOCUMENT_DID, publicKeyMultibase },
    ],
    service: [
      { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://bsky.social' },
    ],
  })
}
