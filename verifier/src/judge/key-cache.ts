import { type PublicKey, parsePublicKey } from '../signature/public-key.ts'

/** Parsed keys kept in each judging thread: making one costs as much as two signatures. */
const MAX_KEYS = 100_000

let young = new Map<string, PublicKey>()
let old = new Map<string, PublicKey>()

/** The parsed key for `type multibase`, which the DID document's reader has found to be valid. */
export function cachedPublicKey(text: string): PublicKey {
  let key = young.get(text)
  if (key !== undefined) return key
  key = old.get(text)
  if (key === undefined) {
    const [type = '', multibase = ''] = text.split(' ')
    const parsed = parsePublicKey(type, multibase)
    if (parsed === null) throw new Error(`a key that was valid in its document is not: ${text}`)
    key = parsed
  }
  // The text is a piece of the batch's: kept as it is it would keep all of that.
  young.set(Buffer.from(text, 'latin1').toString('latin1'), key)
  if (young.size >= MAX_KEYS / 2) {
    old = young
    young = new Map()
  }
  return key
}
