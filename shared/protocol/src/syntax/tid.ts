declare const tidBrand: unique symbol

/** A timestamp id, the form of every `rev`. Ordered as plain strings (protocol.md C4). Made only by `tidFromMicros`. */
export type Tid = string & { readonly [tidBrand]: true }

export const TID_CHARACTERS = 13
const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'
const TID = /^[2-7a-j][2-7a-z]{12}$/
/** The last two characters are the clock's id. */
const TIME_CHARACTERS = 11

export function isTid(text: string): boolean {
  return text.length === TID_CHARACTERS && TID.test(text)
}

/** Microseconds since 1970 of a TID; past 2^53, which is the year 2255, only nearly. */
export function tidMicros(tid: string): number {
  let micros = 0
  for (let i = 0; i < TIME_CHARACTERS; i++) micros = micros * 32 + ALPHABET.indexOf(tid[i]!)
  return micros
}

/** The TID of a time in microseconds and a clock id of 0 to 1023. */
export function tidFromMicros(micros: number, clockId = 0): Tid {
  let rest = micros
  let text = ALPHABET[clockId >> 5]! + ALPHABET[clockId & 31]!
  for (let i = 0; i < TIME_CHARACTERS; i++) {
    text = ALPHABET[rest % 32]! + text
    rest = Math.floor(rest / 32)
  }
  return text as Tid
}
