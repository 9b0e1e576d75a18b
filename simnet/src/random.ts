/** Seeded randomness: the same seed gives the same keys, names, texts and choices, so a failing run can be replayed. */
export class Random {
  private state: number

  constructor(seed: number | string) {
    this.state = typeof seed === 'number' ? seed >>> 0 : hashText(seed)
  }

  /** A uniform 32-bit unsigned integer (mulberry32: small, fast, good enough for test data). */
  uint32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }

  /** 0 <= x < 1 */
  float(): number {
    return this.uint32() / 0x1_0000_0000
  }

  /** 0 <= x < bound */
  int(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(items.length)]
    if (item === undefined) throw new RangeError('pick from an empty list')
    return item
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i++) out[i] = this.uint32() & 0xff
    return out
  }

  /** A text of letters from `alphabet`. */
  text(length: number, alphabet = 'abcdefghijklmnopqrstuvwxyz234567'): string {
    let out = ''
    for (let i = 0; i < length; i++) out += alphabet.charAt(this.int(alphabet.length))
    return out
  }

  /** An independent stream: what one account draws does not shift what another one draws. */
  fork(label: string | number): Random {
    return new Random(hashText(`${this.uint32()}/${label}`))
  }
}

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
