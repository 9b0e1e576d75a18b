const LONG = 'a'.repeat(63)

/** Texts that are right, of every kind of syntax. */
const RIGHT = {
  nsid: ['com.example.fooBar', 'a-0.b-1.c', `com.${LONG}.foo`, 'cn.8.lex.stuff', `com.example.${LONG}`],
  recordkey: ['self', '3jui7kd54zh2y', 'a:b-c_d~e.f', '...', `${LONG}.${'b'.repeat(448)}`],
  tid: ['3jzfcijpj2z2a', '7777777777777', '2222222222222', 'jzzzzzzzzzzzz'],
  handle: ['alice.example.com', 'xn--ls8h.test', 'A.ISI.EDU', `${LONG}.a1`, '12345.test'],
  datetime: [
    '1985-04-12T23:20:50.123Z',
    '1985-04-12T23:20:50+00:00',
    '1985-04-12T23:20:50.1235678912345+01:45',
    '0001-01-01T00:00:00.000Z',
  ],
  did: [
    'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    'did:web:example.com',
    'did:method:val:two',
    'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
    'did:m:v%BB',
  ],
} as const

/** What is put in place of each character, or before it. */
const CHARACTERS = [
  '',
  '.',
  '-',
  '_',
  ':',
  '/',
  '%',
  '#',
  '@',
  '0',
  '1',
  '8',
  '9',
  'a',
  'k',
  'Z',
  ' ',
  'é',
  '😀',
  '\n',
]

/** Texts that are right, and each of them with one character changed, added or taken away, cut, doubled, or empty. */
export function nearlyRight(kind: keyof typeof RIGHT): string[] {
  const texts = new Set<string>([''])
  for (const right of RIGHT[kind]) {
    texts.add(right).add(`${right}${right}`).add(right.toUpperCase())
    // The middle of a long one is all the same.
    for (let at = 0; at <= right.length; at += at > 70 ? 40 : 1) {
      texts.add(right.slice(0, at)).add(right.slice(at))
      for (const character of CHARACTERS) {
        texts.add(right.slice(0, at) + character + right.slice(at + 1))
        texts.add(right.slice(0, at) + character + right.slice(at))
      }
    }
  }
  return [...texts]
}
