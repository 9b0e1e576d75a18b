import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acceptableOffer } from './deflate-offer.ts'

const PLAIN = 'permessage-deflate'
const WINDOW = 'permessage-deflate; server_max_window_bits=15'

describe('RFC 7692: an offer of permessage-deflate', () => {
  it.each([
    [PLAIN, PLAIN],
    ['permessage-deflate; client_max_window_bits', PLAIN],
    ['permessage-deflate; client_max_window_bits=9', PLAIN],
    ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', PLAIN],
    ['permessage-deflate;server_max_window_bits=15', WINDOW],
    ['permessage-deflate; server_max_window_bits="15"', WINDOW],
    ['permessage-deflate; server_max_window_bits = 15 ; client_max_window_bits', WINDOW],
    ['permessage-deflate; server_max_window_bits=9, permessage-deflate', PLAIN],
    ['permessage-deflate; foo=1, permessage-deflate; server_max_window_bits=15', WINDOW],
    ['x-webkit-deflate-frame, permessage-deflate', PLAIN],
    ['x-other; a="b, permessage-deflate; c", permessage-deflate', PLAIN],
    [', permessage-deflate,', PLAIN],
  ])('%s is accepted', (header, expected) => {
    expect(acceptableOffer(header)).toBe(expected)
  })

  it.each([
    ...[8, 9, 10, 11, 12, 13, 14].map((bits) => `permessage-deflate; server_max_window_bits=${bits}`),
    'permessage-deflate; server_max_window_bits="10"',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=015',
    'permessage-deflate; client_max_window_bits=16',
    'permessage-deflate; client_max_window_bits=""',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    'permessage-deflate; foo',
    'x-webkit-deflate-frame',
    'x-other; a="permessage-deflate"',
    'permessage-deflate;;',
    'permessage-deflate;',
    'permessage-deflate; client_max_window_bits="9',
    'permessage-deflate, "',
    '',
    undefined,
  ])('%s is declined', (header) => {
    expect(acceptableOffer(header)).toBeUndefined()
  })

  it('no header throws, or takes long', () => {
    const piece = fc.constantFrom(
      PLAIN,
      ';',
      ',',
      '=',
      '"',
      '\\',
      ' ',
      'server_max_window_bits',
      '15',
      'x',
      '\u00e9',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
        expect([undefined, PLAIN, WINDOW]).toContain(acceptableOffer(pieces.join('')))
      }),
    )
  })
})
