import type { RawEnvelope } from '@bgs/contract/envelope/raw.ts'
import type { Identity } from '../identity/document.ts'
import type { VerifyContext } from './verify-frame.ts'

/**
 * A batch on its way to a judging thread: the bytes of all frames in one buffer, handed over without copying; one
 * string of all texts, for a message between threads costs by the number of things in it.
 */
export interface VerifyRequest {
  readonly id: number
  readonly frames: Uint8Array<ArrayBuffer>
  /** INTS numbers for each frame: where the frame ends, where its key and its handle end in `texts`, lenient or not. */
  readonly ints: Int32Array<ArrayBuffer>
  readonly texts: string
  readonly nowMs: number
}

export interface VerifyItem {
  readonly envelope: RawEnvelope
  readonly identity: Identity
}

const INTS = 4

/** Puts items together; the frames are copied once into the buffer that is handed over. */
export function packRequest(id: number, items: readonly VerifyItem[], nowMs: number): VerifyRequest {
  const ints = new Int32Array(items.length * INTS)
  let bytes = 0
  let texts = ''
  let at = 0
  for (const { envelope, identity } of items) {
    bytes += envelope.frame.length
    texts += `${identity.keyType} ${identity.keyMultibase}`
    ints[at] = bytes
    ints[at + 1] = texts.length
    texts += identity.handle
    ints[at + 2] = texts.length
    ints[at + 3] = envelope.lenient ? 1 : 0
    at += INTS
  }
  const frames = new Uint8Array(bytes)
  for (const [i, { envelope }] of items.entries())
    frames.set(envelope.frame, (ints[i * INTS] as number) - envelope.frame.length)
  return { id, frames, ints, texts, nowMs }
}

/** The frames of items, each with what it is judged by. */
export function* contextsOf(
  items: readonly VerifyItem[],
  nowMs: number,
): Generator<[Uint8Array, VerifyContext]> {
  for (const { envelope, identity } of items) {
    const { keyType, keyMultibase, handle } = identity
    yield [envelope.frame, { key: `${keyType} ${keyMultibase}`, handle, lenient: envelope.lenient, nowMs }]
  }
}

/** The frames of a request, each with what it is judged by. */
export function* readRequest({
  frames,
  ints,
  texts,
  nowMs,
}: VerifyRequest): Generator<[Uint8Array, VerifyContext]> {
  let frameAt = 0
  let textAt = 0
  for (let at = 0; at < ints.length; at += INTS) {
    const [frameEnd, keyEnd, handleEnd, lenient] = ints.subarray(at, at + INTS) as unknown as number[]
    const key = texts.slice(textAt, keyEnd)
    const handle = texts.slice(keyEnd, handleEnd)
    yield [frames.subarray(frameAt, frameEnd), { key, handle, lenient: lenient === 1, nowMs }]
    frameAt = frameEnd as number
    textAt = handleEnd as number
  }
}
