import { ENTRIES_PER_RECORD } from '@bgs/contract/bus/position.ts'
import type { SequencedReader } from './sequenced-reader.ts'
import { type SeqBase, seqAt } from './sequenced-record.ts'

/** From seq to offset and back, over all bases that the retained log has. Oldest first, at least one. */
export class SeqBases {
  readonly #bases: readonly SeqBase[]

  constructor(bases: readonly SeqBase[]) {
    this.#bases = bases
  }

  /** Finds the bases before the newest one, each of which a record before it tells; those that are `known` are not looked for. */
  static async find(
    newest: SeqBase,
    floor: number,
    reader: SequencedReader,
    signal: AbortSignal,
    known?: SeqBases,
  ): Promise<SeqBases> {
    const bases = [newest]
    for (let base = newest; base.from > floor; ) {
      const before = known?.upTo(base)
      if (before !== undefined) return new SeqBases([...before, ...bases.slice(1)])
      const record = await reader.last(floor, base.from, signal)
      if (record === undefined) break
      base = record.base
      bases.unshift(base)
    }
    return new SeqBases(bases)
  }

  /** The same, going on under a new base. */
  with(base: SeqBase): SeqBases {
    return new SeqBases([...this.#bases, base])
  }

  get newest(): SeqBase {
    return this.#bases.at(-1) as SeqBase
  }

  get oldest(): SeqBase {
    return this.#bases[0] as SeqBase
  }

  /** All bases up to this one, itself included; undefined where it is none of them. */
  upTo({ base, from }: SeqBase): readonly SeqBase[] | undefined {
    const at = this.#bases.findIndex((one) => one.base === base && one.from === from)
    return at < 0 ? undefined : this.#bases.slice(0, at + 1)
  }

  /** Seq up to which a copy is one of this log that ends with `seq`; the same where it is. */
  sharedUpTo(seq: number): number {
    const above = this.#bases.find((base) => seq > base.before && seq < seqAt(base, base.from))
    return above === undefined || above.before === 0 ? seq : above.before
  }

  /** Those that were chosen after another one, oldest first. */
  since({ base }: SeqBase): readonly SeqBase[] {
    return this.#bases.filter((one) => one.base > base)
  }

  /** Where the oldest one begins. */
  get firstSeq(): number {
    return seqAt(this.oldest, this.oldest.from)
  }

  seqOf(offset: number): number {
    return seqAt(this.#bases.findLast(({ from }) => from <= offset) ?? this.oldest, offset)
  }

  /** Offset of the record that holds a seq, or the first that may lie behind it. */
  offsetOf(seq: number): number {
    const at = this.#bases.findLastIndex((base) => seqAt(base, base.from) <= seq)
    if (at < 0) return this.oldest.from
    const { base } = this.#bases[at] as SeqBase
    const offset = Math.floor((seq - base) / ENTRIES_PER_RECORD)
    return Math.min(offset, this.#bases[at + 1]?.from ?? offset)
  }
}

/** The base of a log that goes on at an offset with this seq; `before`: see SeqBase. */
export function baseFrom(first: number, offset: number, before: number): SeqBase {
  return { base: Math.max(first - offset * ENTRIES_PER_RECORD, 0), from: offset, before }
}
