/**
 * How records lie in a slab, one behind the other, each at a multiple of eight bytes:
 *
 *   u32 hash of the DID, u16 units of eight bytes that it may fill, u8 used, u8 form of the DID, DID, value
 *
 * did:plc and 24 characters of one byte is written as these alone (PLC_FORM), any other as u32 length and UTF-16.
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
    if (this.bytes[at + FORM_AT] === PLC_FORM) return from + PLC_CHARACTERS
    return from + LENGTH_BYTES + 2 * this.view.getUint32(from, true)
  }

  did(at: number): string {
    const from = at + HEAD_BYTES
    if (this.bytes[at + FORM_AT] === PLC_FORM)
      return PLC + this.bytes.toString('latin1', from, from + PLC_CHARACTERS)
    return this.bytes.toString('utf16le', from + LENGTH_BYTES, this.valueAt(at))
  }

  isOf(at: number, did: string): boolean {
    const { bytes } = this
    if (bytes[at + FORM_AT] !== PLC_FORM) return this.did(at) === did
    if (!looksPlc(did)) return false
    const from = at + HEAD_BYTES
    for (let i = 0; i < PLC_CHARACTERS; i++)
      if (bytes[from + i] !== did.charCodeAt(PLC.length + i)) return false
    return true
  }

  #writeDid(at: number, did: string): void {
    const { bytes, view } = this
    const from = at + HEAD_BYTES
    if (isPlc(did)) {
      bytes[at + FORM_AT] = PLC_FORM
      for (let i = 0; i < PLC_CHARACTERS; i++) bytes[from + i] = did.charCodeAt(PLC.length + i)
      return
    }
    bytes[at + FORM_AT] = TEXT_FORM
    view.setUint32(from, did.length, true)
    bytes.write(did, from + LENGTH_BYTES, 'utf16le')
  }
}

export const UNIT = 8
export const MAX_UNITS = 0xffff
const HEAD_BYTES = 8
const UNITS_AT = 4
const USED_AT = 6
const FORM_AT = 7
const LENGTH_BYTES = 4
const PLC_FORM = 1
const TEXT_FORM = 2
const PLC = 'did:plc:'
const PLC_CHARACTERS = 24
const PLC_LENGTH = PLC.length + PLC_CHARACTERS

/** Units that a record with a value of so many bytes takes. */
export function unitsOf(did: string, valueBytes: number): number {
  const didBytes = isPlc(did) ? PLC_CHARACTERS : LENGTH_BYTES + 2 * did.length
  return Math.ceil((HEAD_BYTES + didBytes + valueBytes) / UNIT)
}

function isPlc(did: string): boolean {
  if (!looksPlc(did)) return false
  let bits = 0
  for (let i = PLC.length; i < PLC_LENGTH; i++) bits |= did.charCodeAt(i)
  return bits < 256
}

function looksPlc(did: string): boolean {
  if (did.length !== PLC_LENGTH) return false
  for (let i = 0; i < PLC.length; i++) if (did.charCodeAt(i) !== PLC.charCodeAt(i)) return false
  return true
}
