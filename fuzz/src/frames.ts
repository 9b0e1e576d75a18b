import { scanFrame } from '@bgs/protocol/frame/scan.ts'
import { parsePublicKey } from '@bgs/protocol/signature/public-key.ts'
import { type BuiltAccount, buildHost } from '@bgs/simnet/corpus-builder.ts'
import { Random } from '@bgs/simnet/random.ts'
import { encodeFrame, webSocketPayload } from '@bgs/simnet/wire.ts'
import { readFrameCases } from '@bgs/testkit/vectors.ts'

/**
 * The same whatever the seed of a run is: an input is replayed beside the frames that it was made of. P-256, whose
 * signatures are others each time, is in the frame cases.
 */
const PLAN = {
  host: 0,
  accounts: 4,
  commits: 24,
  recordSize: 300,
  seedRecords: 60,
  p256Share: 0,
  inTurn: true,
}
const TIME = '2026-06-01T00:00:00.000Z'
/** Later than any seed was made. */
export const NOW_MS = Date.UTC(2027, 0, 1)

/** Frames as hosts send them, with the keys of those who signed them (`type multibase`), by DID. */
export interface Frames {
  readonly all: readonly Uint8Array[]
  readonly keys: ReadonlyMap<string, readonly string[]>
}

/** Those of the simulated network, and the frame cases. */
export function realFrames(): Frames {
  const all: Uint8Array[] = []
  const keys = new Map<string, string[]>()
  const know = (did: string, key: string) => keys.set(did, [...(keys.get(did) ?? []), key])
  const accounts: BuiltAccount[] = []
  for (const { frame } of buildHost({ ...PLAN, random: new Random(1) }, accounts))
    all.push(Uint8Array.from(webSocketPayload(frame)))
  for (const { did, handle, key } of accounts) {
    know(did, `Multikey ${key.multikey}`)
    const body = { did, seq: all.length, time: TIME }
    all.push(encodeFrame('#identity', { ...body, handle }))
    all.push(encodeFrame('#account', { ...body, active: false, status: 'takendown' }))
  }
  for (const { frame, didDoc, refreshedDidDoc } of readFrameCases()) {
    const bytes = Uint8Array.from(Buffer.from(frame, 'base64'))
    all.push(bytes)
    for (const document of [didDoc, refreshedDidDoc])
      for (const { id, type, publicKeyMultibase } of document?.verificationMethod ?? [])
        if (id.endsWith('#atproto') && parsePublicKey(type, publicKeyMultibase) !== null)
          know(didOf(bytes) || (document?.id ?? ''), `${type} ${publicKeyMultibase}`)
  }
  return { all, keys }
}

function didOf(bytes: Uint8Array): string {
  const frame = scanFrame(bytes)
  return 'did' in frame ? frame.did : ''
}
