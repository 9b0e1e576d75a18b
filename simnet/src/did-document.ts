import type { SimKey } from './sim-key.ts'

/** What the directory knows of a DID. `keyForm` chooses between Multikey and the 2019 types (protocol.md D4). */
export interface DidRecord {
  did: string
  handle: string
  /** e.g. `http://localhost:2583`; null leaves the service out */
  pds: string | null
  /** null leaves the verification method out */
  key: Pick<SimKey, 'curve' | 'multikey' | 'legacyMultibase'> | null
  keyForm?: 'multikey' | 'legacy'
}

const LEGACY_TYPE = {
  k256: 'EcdsaSecp256k1VerificationKey2019',
  p256: 'EcdsaSecp256r1VerificationKey2019',
}

const CONTEXT = ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1']

/** The document as the PLC directory serves it. */
export function didDocument(record: DidRecord): Record<string, unknown> {
  const { did, key } = record
  const legacy = record.keyForm === 'legacy'
  const method = key && {
    id: `${did}#atproto`,
    type: legacy ? LEGACY_TYPE[key.curve] : 'Multikey',
    controller: did,
    publicKeyMultibase: legacy ? key.legacyMultibase : key.multikey,
  }
  const service = record.pds && {
    id: '#atproto_pds',
    type: 'AtprotoPersonalDataServer',
    serviceEndpoint: record.pds,
  }
  return {
    '@context': CONTEXT,
    id: did,
    alsoKnownAs: [`at://${record.handle}`],
    verificationMethod: method ? [method] : [],
    service: service ? [service] : [],
  }
}
