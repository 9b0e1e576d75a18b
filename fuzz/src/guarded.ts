import { PropertyError } from './target.ts'

const GUARD_BYTES = 512

/**
 * What `look` makes of an input, which must depend on nothing but its bytes: it is looked at twice, as a view into
 * memory that is filled with this and with that around it, and must be left as it was.
 */
export function guarded<T>(input: Uint8Array, look: (bytes: Uint8Array) => T): T {
  const [first, second] = [0x00, 0xff].map((fill) => {
    const memory = new Uint8Array(input.length + 2 * GUARD_BYTES).fill(fill)
    memory.set(input, GUARD_BYTES)
    const before = memory.slice()
    const result = look(memory.subarray(GUARD_BYTES, GUARD_BYTES + input.length))
    if (Buffer.compare(before, memory) !== 0)
      throw new PropertyError('the input, or what lies beside it, was written to')
    return { result, text: JSON.stringify(result) }
  })
  if (first === undefined || second === undefined || first.text !== second.text)
    throw new PropertyError(`reads beside its input: ${first?.text} or ${second?.text}`)
  return first.result
}
