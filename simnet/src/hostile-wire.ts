import * as dagCbor from '@ipld/dag-cbor'
import { FAULT_TIME, type Fault, type FaultContext, type FaultOutcome } from './fault.ts'
import { encodeErrorFrame, encodeFrame, OPCODE_TEXT } from './wire.ts'

/** Over the limit of one message by one byte (protocol.md W7). */
const OVERSIZE_BYTES = 5_000_001

type Entry = [key: string | Buffer, value: Uint8Array]

/** Wire faults W1 to W8. Each is a #identity that would be fine but for the one thing that the name says. */
export const WIRE_FAULTS: readonly Fault[] = [
  wire('wire-empty', 'W1', () => new Uint8Array()),
  wire('wire-header-only', 'W1', () => header()),
  wire('wire-truncated', 'W1', (context) => identity(context).subarray(0, -5)),
  wire('wire-trailing-byte', 'W1', (context) => Buffer.concat([identity(context), Buffer.from([0])])),
  wire('wire-three-items', 'W1', (context) => Buffer.concat([identity(context), Buffer.from([0xa0])])),
  wire('wire-payload-not-map', 'W3', () => Buffer.concat([header(), Buffer.from([0x80])])),
  wire('wire-indefinite-map', 'W4', (context) => {
    const payload = map(entries(context))
    payload[0] = 0xbf
    return Buffer.concat([header(), payload, Buffer.from([0xff])])
  }),
  wire('wire-indefinite-text', 'W4', (context) =>
    withEntry(context, 'note', Buffer.concat([Buffer.from([0x7f]), text('a'), Buffer.from([0xff])])),
  ),
  wire('wire-indefinite-array', 'W4', (context) => withEntry(context, 'note', Buffer.from([0x9f, 0xff]))),
  wire('wire-float', 'W4', (context) => withEntry(context, 'note', dagCbor.encode(1.5))),
  wire('wire-float16', 'W4', (context) => withEntry(context, 'note', Buffer.from('f93c00', 'hex'))),
  wire('wire-nan', 'W4', (context) => withEntry(context, 'note', Buffer.from('fb7ff8000000000000', 'hex'))),
  wire('wire-infinity', 'W4', (context) =>
    withEntry(context, 'note', Buffer.from('fb7ff0000000000000', 'hex')),
  ),
  wire('wire-undefined', 'W4', (context) => withEntry(context, 'note', Buffer.from([0xf7]))),
  wire('wire-simple-value', 'W4', (context) => withEntry(context, 'note', Buffer.from([0xf8, 0x20]))),
  wire('wire-unsorted-keys', 'W4', (context) => Buffer.concat([header(), map(entries(context).reverse())])),
  wire('wire-header-unsorted-keys', 'W4', (context) =>
    Buffer.concat([
      map([
        ['op', Buffer.from([1])],
        ['t', text('#identity')],
      ]),
      map(entries(context)),
    ]),
  ),
  wire('wire-duplicate-key', 'W4', (context) => {
    const list = entries(context)
    return Buffer.concat([header(), map([...list, ...list.slice(-1)])])
  }),
  wire('wire-integer-key', 'W4', (context) =>
    Buffer.concat([header(), map([[Buffer.from([0x01]), text('a')], ...entries(context)])]),
  ),
  wire('wire-bytes-key', 'W4', (context) =>
    Buffer.concat([header(), map([[Buffer.from([0x41, 0x61]), text('a')], ...entries(context)])]),
  ),
  wire('wire-nonminimal-int', 'W4', (context) =>
    Buffer.concat([
      map([
        ['t', text('#identity')],
        ['op', Buffer.from([0x18, 0x01])],
      ]),
      map(entries(context)),
    ]),
  ),
  wire('wire-nonminimal-length', 'W4', (context) =>
    withEntry(context, 'note', Buffer.concat([Buffer.from([0x78, 0x01]), Buffer.from('a')])),
  ),
  wire('wire-other-tag', 'W4', (context) => withEntry(context, 'note', Buffer.from([0xc1, 0x01]))),
  wire('wire-tag42-without-zero', 'W4', (context) =>
    withEntry(context, 'note', Buffer.from('d82a420171', 'hex')),
  ),
  wire('wire-tag42-on-text', 'W4', (context) => withEntry(context, 'note', Buffer.from('d82a6161', 'hex'))),
  wire('wire-bad-utf8', 'W4', (context) => withEntry(context, 'note', Buffer.from('62c328', 'hex'))),
  wire('wire-reserved-info-bits', 'W4', (context) => withEntry(context, 'note', Buffer.from([0x1c]))),
  wire('wire-lone-break', 'W4', (context) => withEntry(context, 'note', Buffer.from([0xff]))),
  wire('wire-deep-33', 'W6', (context) => withEntry(context, 'note', nested(33))),
  wire('wire-deep-100000', 'W6', (context) => withEntry(context, 'note', nested(100_000))),
  wire('wire-long-key', 'W6', (context) => withEntry(context, 'n'.repeat(8193), text('a'))),
  wire('wire-huge-array-length', 'W6', (context) =>
    withEntry(context, 'note', Buffer.from('9b001fffffffffffff', 'hex')),
  ),
  wire('wire-huge-bytes-length', 'W6', (context) =>
    withEntry(context, 'note', Buffer.from('5affffffff', 'hex')),
  ),
  wire('wire-huge-map-length', 'W6', (context) =>
    withEntry(context, 'note', Buffer.from('bb001fffffffffffff', 'hex')),
  ),
  wire('wire-many-elements', 'W6', (context) =>
    withEntry(context, 'note', dagCbor.encode(new Array(131_073).fill(0))),
  ),
  wire('wire-oversize', 'W7', (context) => {
    const empty = withEntry(context, 'note', dagCbor.encode(new Uint8Array(100_000)))
    return withEntry(context, 'note', dagCbor.encode(new Uint8Array(OVERSIZE_BYTES - empty.length + 100_000)))
  }),
  {
    name: 'wire-text-frame',
    rule: 'W8',
    outcome: 'disconnect',
    make: () => [{ payload: Buffer.from('{"op":1,"t":"#identity"}'), opcode: OPCODE_TEXT }],
  },
  wire('header-without-op', 'W2', (context) =>
    Buffer.concat([dagCbor.encode({ t: '#identity' }), map(entries(context))]),
  ),
  wire('header-op-text', 'W2', (context) =>
    Buffer.concat([dagCbor.encode({ t: '#identity', op: '1' }), map(entries(context))]),
  ),
  wire('header-without-type', 'W2', (context) =>
    Buffer.concat([dagCbor.encode({ op: 1 }), map(entries(context))]),
  ),
  wire(
    'unknown-op',
    'W3',
    (context) => Buffer.concat([dagCbor.encode({ op: 2, t: '#identity' }), map(entries(context))]),
    'ignore',
  ),
  ...['#labels', '#handle', '#migrate', '#tombstone'].map((type) =>
    wire(`unknown-type-${type.slice(1)}`, 'W3', (context) => encodeFrame(type, body(context)), 'ignore'),
  ),
  wire('info-outdated-cursor', 'N1', () => encodeFrame('#info', { name: 'OutdatedCursor' }), 'ignore'),
  wire('info-unknown', 'N1', () => encodeFrame('#info', { name: 'Whatever', message: 'x' }), 'ignore'),
  wire('error-frame', 'W9', () => encodeErrorFrame('ConsumerTooSlow', 'you are slow'), 'close'),
  wire(
    'error-frame-indigo',
    'W9',
    () =>
      Buffer.concat([dagCbor.encode({ op: -1, t: '' }), dagCbor.encode({ error: 'Whatever', message: '' })]),
    'close',
  ),
]

/** A #identity that is right but for its size: `padding` bytes in a field that nobody knows. */
export function largeIdentity(did: string, seq: number, padding: number): Uint8Array {
  return encodeFrame('#identity', { did, seq, time: FAULT_TIME, note: new Uint8Array(padding) })
}

function wire(
  name: string,
  rule: string,
  make: (context: FaultContext) => Uint8Array,
  outcome: FaultOutcome = 'disconnect',
): Fault {
  return { name, rule, outcome, make: (context) => [{ payload: make(context) }] }
}

function header(): Uint8Array {
  return dagCbor.encode({ op: 1, t: '#identity' })
}

function body({ account, seq }: FaultContext): { did: string; seq: number; time: string } {
  return { did: account.did, seq, time: FAULT_TIME }
}

/** The fields of the harmless #identity in canonical order. */
function entries(context: FaultContext): Entry[] {
  return Object.entries(body(context)).map(([key, value]): Entry => [key, dagCbor.encode(value)])
}

function identity(context: FaultContext): Buffer {
  return Buffer.concat([header(), map(entries(context))])
}

/** One more field at the end; `note` and longer keys sort after did, seq and time. */
function withEntry(context: FaultContext, key: string, value: Uint8Array): Buffer {
  const list = entries(context)
  // Same length as `time`, but before it.
  const at = key === 'note' ? 2 : list.length
  return Buffer.concat([header(), map(list.toSpliced(at, 0, [key, value]))])
}

/** A CBOR map with the entries as given, canonical or not. */
function map(list: readonly Entry[]): Buffer {
  const parts = list.flatMap(([key, value]) => [typeof key === 'string' ? text(key) : key, value])
  return Buffer.concat([Buffer.from([0xa0 | list.length]), ...parts])
}

function text(value: string): Uint8Array {
  return dagCbor.encode(value)
}

function nested(depth: number): Buffer {
  return Buffer.concat([Buffer.alloc(depth, 0x81), Buffer.from([0])])
}
