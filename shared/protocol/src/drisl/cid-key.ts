import { cidFromText, cidToText } from './cid.ts'

/**
 * A binary CID as a latin1 string of 36 characters: how CIDs are held in state and facts, compact and compared with
 * `===`.
 */
export type CidKey = string

export function cidKey(cid: Uint8Array): CidKey {
  return Buffer.from(cid.buffer, cid.byteOffset, cid.byteLength).toString('latin1')
}

/** The string form (protocol.md W5) of a CID key. */
export function cidKeyToText(key: CidKey): string {
  return cidToText(Buffer.from(key, 'latin1'))
}

/** The CID key of a string form. Throws RangeError if it is not one: what is stored was written by us. */
export function cidKeyFromText(text: string): CidKey {
  const cid = cidFromText(text)
  if (cid === null) throw new RangeError(`not a CID: ${text}`)
  return cidKey(cid)
}
