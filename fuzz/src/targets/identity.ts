import { isIP } from 'node:net'
import { parsePublicKey } from '@bgs/protocol/signature/public-key.ts'
import { documents } from '@bgs/protocol/testing/documents.ts'
import { readDocument } from '@bgs/verifier/identity/document.ts'
import { PropertyError, type Target } from '../target.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const DOCUMENT = {
  '@context': ['https://www.w3.org/ns/did/v1'],
  id: DID,
  alsoKnownAs: ['at://alice.example.com'],
  verificationMethod: [
    {
      id: `${DID}#atproto`,
      type: 'Multikey',
      controller: DID,
      publicKeyMultibase: 'zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF',
    },
  ],
  service: [
    { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example.com' },
  ],
}

/** DID documents, as a directory or the web sends them. */
export async function identityTarget(): Promise<Target> {
  const { plc, legacy, web } = documents.cases
  const texts = [JSON.stringify(DOCUMENT), JSON.stringify(DOCUMENT, null, 2), plc, legacy, web]
  const dids = new Set([DID, ...texts.map((text) => (JSON.parse(text) as { id: string }).id)])
  return {
    seeds: texts.map((text) => Uint8Array.from(Buffer.from(text))),
    look: (input) => {
      const text = Buffer.from(input).toString('utf8')
      const verdicts = [...dids].map((did) => verdictOf(text, did))
      return verdicts.find((verdict) => verdict !== 'identity-malformed') ?? 'identity-malformed'
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

function verdictOf(text: string, did: string): string {
  const result = readDocument(text, did, false)
  if ('reason' in result) return result.reason
  const { identity } = result
  if (identity.did !== did) throw new PropertyError('another DID is read than was asked for')
  if (parsePublicKey(identity.keyType, identity.keyMultibase) === null)
    throw new PropertyError('a key is taken that cannot be parsed')
  if (!/^[a-z0-9.-]+\.[a-z0-9-]+$/.test(identity.pdsHost) || isIP(identity.pdsHost) !== 0)
    throw new PropertyError(`${JSON.stringify(identity.pdsHost)} is taken for a host`)
  return 'found'
}
