/**
 * How records lie in a slab, one behind the other, each at a multiple of eight bytes:
 *
 *   u32 hash of the DID, u16 units of eight bytes that it may fill, u8 used, u8 form of the DID, DID, value
 *
 * did:plc and 24 characters of one byte is written as these alone (PLC_FORM), another of characters of one byte with u16
 * length in front (LATIN1_FORM), any other as u32 length and UTF-16.
 */
export class Slab {
  readonly bytes: Buffer
  readonly view: DataView
  /** Up to where there are records. */
  end = 0

  constructor(bytes: number) {
    this.bytes = Buffer.alloc(bytes)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, bytes)
  }

  hash(at: number): number {
    return this.view.getUint32(at, true)
  }

  units(at: number): number {
    return this.view.getUint16(at + UNITS_AT, true)
  }

  /** Whether it was asked for since that was last taken back. */
  isUsed(at: number): boolean {
    return this.bytes[at + USED_AT] === 1
  }

  setUsed(at: number, used: boolean): void {
    this.bytes[at + USED_AT] = used ? 1 : 0
  }

  /** Begins a record at the end; its value is written by the caller. */
  append(hash: number, units: number, did: string): number {
    const { bytes, view, end: at } = this
    view.setUint32(at, hash, true)
    view.setUint16(at + UNITS_AT, units, true)
    bytes[at + USED_AT] = 0
    this.#writeDid(at, did)
    this.end += units * UNIT
    return at
  }

  /** Moves a record toward the beginning, over what is no longer needed. */
  move(at: number, to: number): void {
    this.bytes.copyWithin(to, at, at + this.units(at) * UNIT)
  }

  /** Where a record's value begins. */
  valueAt(at: number): number {
    const from = at + HEAD_BYTES
    switch (this.bytes[at + FORM_AT]) {
      case PLC_FORM:
        return from + PLC_CHARACTERS
      case LATIN1_FORM:
        return from + LATIN1_LENGTH_BYTES + this.view.getUint16(from, true)
      default:
        return from + LENGTH_BYTES + 2 * this.view.getUint32(from, true)
    }
  }

  did(at: number): string {
    const from = at + HEAD_BYTES
    const end = this.valueAt(at)
    switch (this.bytes[at + FORM_AT]) {
      case PLC_FORM:
        return PLC + this.bytes.toString('latin1', from, end)
      case LATIN1_FORM:
        return this.bytes.toString('latin1', from + LATIN1_LENGTH_BYTES, end)
      default:
        return this.bytes.toString('utf16le', from + LENGTH_BYTES, end)
    }
  }

  isOf(at: number, did: string): boolean {
    const from = at + HEAD_BYTES
    switch (this.bytes[at + FORM_AT]) {
      case PLC_FORM:
        return looksPlc(did) && this.#hasCharacters(from, did, PLC.length)
      case LATIN1_FORM: {
        const isAsLong = this.view.getUint16(from, true) === did.length
        return isAsLong && this.#hasCharacters(from + LATIN1_LENGTH_BYTES, did, 0)
      }
      default:
        return this.did(at) === did
    }
  }

  /** Whether the characters of `text` from `start` on lie at `at`, a byte each. */
  #hasCharacters(at: number, text: string, start: number): boolean {
    for (let i = start; i < text.length; i++)
      if (this.bytes[at + i - start] !== text.charCodeAt(i)) return false
    return true
  }

  #putCharacters(at: number, text: string, start: number): void {
    for (let i = start; i < text.length; i++) this.bytes[at + i - start] = text.charCodeAt(i)
  }

  #writeDid(at: number, did: string): void {
    const { bytes, view } = this
    const from = at + HEAD_BYTES
    const form = formOf(did)
    bytes[at + FORM_AT] = form
    switch (form) {
      case PLC_FORM:
        return this.#putCharacters(from, did, PLC.length)
      case LATIN1_FORM:
        view.setUint16(from, did.length, true)
        return this.#putCharacters(from + LATIN1_LENGTH_BYTES, did, 0)
      default:
        view.setUint32(from, did.length, true)
        bytes.write(did, from + LENGTH_BYTES, 'utf16le')
    }
  }
}

export const UNIT = 8
export const MAX_UNITS = 0xffff
const HEAD_BYTES = 8
const UNITS_AT = 4
const USED_AT = 6
const FORM_AT = 7
const LATIN1_LENGTH_BYTES = 2
const LENGTH_BYTES = 4
const MAX_LATIN1 = 0xffff
const PLC_FORM = 1
const LATIN1_FORM = 2
const UTF16_FORM = 3
const PLC = 'did:plc:'
const PLC_CHARACTERS = 24
const PLC_LENGTH = PLC.length + PLC_CHARACTERS

/** Units that a record with a value of so many bytes takes. */
export function unitsOf(did: string, valueBytes: number): number {
  return Math.ceil((HEAD_BYTES + didBytes(did) + valueBytes) / UNIT)
}

function didBytes(did: string): number {
  switch (formOf(did)) {
    case PLC_FORM:
      return PLC_CHARACTERS
    case LATIN1_FORM:
      return LATIN1_LENGTH_BYTES + did.length
    default:
      return LENGTH_BYTES + 2 * did.length
  }
}

function formOf(did: string): number {
  let bits = 0
  for (let i = 0; i < did.length; i++) bits |= did.charCodeAt(i)
  if (bits > 255 || did.length > MAX_LATIN1) return UTF16_FORM
  return looksPlc(did) ? PLC_FORM : LATIN1_FORM
}

function looksPlc(did: string): boolean {
  if (did.length !== PLC_LENGTH) return false
  for (let i = 0; i < PLC.length; i++) if (did.charCodeAt(i) !== PLC.charCodeAt(i)) return false
  return true
}
