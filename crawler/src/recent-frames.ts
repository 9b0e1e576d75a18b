/** Frames of one host that are remembered: as many as a host that replays somewhat too much begins early. */
const REMEMBERED = 64
/** Frames up to this length are looked at byte by byte, of larger ones so many bytes spread over them. */
const SAMPLES = 256

/**
 * The last frames of one host, by seq: 768 bytes for each host. Tells a frame that comes once more from another one that
 * has its seq now (protocol.md A2).
 */
export class RecentFrames {
  readonly #seqs = new Float64Array(REMEMBERED)
  readonly #prints = new Uint32Array(REMEMBERED)
  #noted = 0

  /** Seqs must rise. */
  note(seq: number, frame: Uint8Array): void {
    const place = this.#noted++ % REMEMBERED
    this.#seqs[place] = seq
    this.#prints[place] = printOf(frame)
  }

  get isEmpty(): boolean {
    return this.#noted === 0
  }

  /** Whether a frame is the one that had its seq; undefined where that one is not remembered. */
  isSame(seq: number, frame: Uint8Array): boolean | undefined {
    const place = this.#seqs.indexOf(seq)
    return place < 0 ? undefined : this.#prints[place] === printOf(frame)
  }

  clear(): void {
    this.#seqs.fill(0)
    this.#noted = 0
  }
}

/** FNV-1a over length and samples: no proof against a host that lies, who would only deceive itself. */
function printOf(frame: Uint8Array): number {
  const { length } = frame
  const step = length <= SAMPLES ? 1 : length / (SAMPLES / 8)
  let print = (0x811c9dc5 ^ length) | 0
  for (let at = 0; at < length; at += step) print = Math.imul(print ^ (frame[at | 0] as number), 0x01000193)
  return print >>> 0
}
