/**
 * The closed list of reasons for which a relay refuses or passes over a frame (docs/reasons.md).
 * Metric labels, log fields, pages and documents use these words and no others. `rule` is the number in
 * docs/protocol.md that the reason stands for; `text` is what the operator of a host should read.
 */
export const REASONS = {
  'message-malformed': {
    rule: 'W1',
    text: 'a message that breaks the WebSocket protocol: fragments, reserved bits, opcode, mask or length',
  },
  'frame-malformed': { rule: 'W1', text: 'not two CBOR items, header and payload, that fill the message' },
  'frame-not-canonical': {
    rule: 'W4',
    text: 'CBOR that is not DRISL: key order, lengths, floats, tags or UTF-8',
  },
  'frame-over-guard': { rule: 'W6', text: 'nested too deeply, too many elements, or a key or CID too long' },
  'frame-too-large': { rule: 'W7', text: 'the message is larger than 5,000,000 bytes' },
  'frame-unfinished': {
    rule: 'W7',
    text: 'a message was begun and not finished within five minutes, or while too much of such was held',
  },
  'frame-text': { rule: 'W8', text: 'a text message on a stream of binary frames' },
  'frame-type-unknown': { rule: 'W3', text: 'an op or type that the protocol does not name: ignored' },
  'frame-fields': { rule: 'G1', text: 'a required field is missing or of the wrong type' },
  'seq-not-rising': { rule: 'Q11', text: 'seq is not above the one before it on this connection' },
  'did-syntax': { rule: 'G4', text: 'not a lower-case did:plc or did:web' },
  'host-banned': { rule: 'H9', text: 'the operator has banned this host' },
  'host-not-authoritative': { rule: 'G5', text: 'the DID document names another PDS than the sending host' },
  'identity-not-found': { rule: 'G6', text: 'the DID does not exist' },
  'identity-tombstoned': { rule: 'D1', text: 'the DID was tombstoned' },
  'identity-malformed': { rule: 'D3', text: 'the DID document is not valid or is of another DID' },
  'identity-no-key': { rule: 'D4', text: 'the DID document holds no usable #atproto signing key' },
  'identity-no-pds': { rule: 'D5', text: 'the DID document holds no usable #atproto_pds service' },
  'identity-unavailable': { rule: 'G6', text: 'the DID could not be resolved within the bounds of its host' },
  'identity-unchanged': {
    rule: 'I2',
    text: 'an #identity from elsewhere, and the DID document is as it was',
  },
  'identity-hint-limit': { rule: 'I2', text: 'too many #identity events from hosts that are not the PDS' },
  'event-limit': {
    rule: '3.6',
    text: 'the account said too much in an hour, and this says nothing new',
  },
  'account-inactive': { rule: 'C1', text: 'the account is not active here or on its PDS' },
  'too-big-flag': { rule: 'C2', text: 'tooBig is true: such commits lack the data to be checked' },
  'rebase-flag': { rule: 'C2', text: 'rebase is true' },
  'blocks-size': { rule: 'C3', text: 'blocks is empty or larger than allowed' },
  'ops-count': { rule: 'C3', text: 'more than 200 operations in one commit' },
  'rev-syntax': { rule: 'C4', text: 'rev is not a TID' },
  'rev-future': { rule: 'C4', text: 'rev lies more than five minutes in the future' },
  'rev-stale': { rule: 'C4', text: 'rev is not above the last one taken: already known' },
  'time-syntax': { rule: 'C5', text: 'time is not a datetime' },
  'since-syntax': { rule: 'C5', text: 'since is neither null nor a TID' },
  'prev-data-missing': { rule: 'C5', text: 'prevData is missing: the commit cannot be inverted' },
  'car-malformed': { rule: 'C6', text: 'blocks is not a CAR version 1' },
  'car-root': { rule: 'C6', text: 'the first root of the CAR is not the commit' },
  'car-block-hash': { rule: 'C6', text: 'a block does not hash to its CID' },
  'car-block-count': { rule: 'C6', text: 'too many blocks in one CAR' },
  'commit-missing': { rule: 'C7', text: 'the commit block is not among the blocks' },
  'commit-malformed': { rule: 'C7', text: 'the commit block is not a valid commit object' },
  'commit-did': { rule: 'C7', text: 'the commit is of another DID than the event' },
  'commit-rev': { rule: 'C7', text: 'the commit has another rev than the event' },
  'signature-invalid': { rule: 'C8', text: 'the signature does not verify with the key in the DID document' },
  'op-shape': { rule: 'C9', text: 'an operation has the wrong action, cid or prev' },
  'op-path': { rule: 'C9', text: 'the path of an operation is not NSID/rkey' },
  'op-duplicate': { rule: 'C9', text: 'two operations on one path' },
  'mst-malformed': { rule: 'C10', text: 'a node of the tree is not well formed' },
  'op-not-in-tree': { rule: 'C11', text: 'an operation does not agree with the tree of the commit' },
  'record-missing': { rule: 'C11', text: 'the block of a created or updated record is missing' },
  'record-size': { rule: 'C11', text: 'a record is larger than 1,000,000 bytes' },
  'record-not-map': { rule: 'C11', text: 'a record is not a CBOR map' },
  'inversion-incomplete': { rule: 'C12', text: 'blocks that are needed to undo the operations are missing' },
  'inversion-mismatch': { rule: 'C12', text: 'undoing the operations does not give prevData' },
  'sync-blocks-size': { rule: 'S1', text: 'the blocks of a #sync are empty or over 10,000 bytes' },
  'sync-fork': { rule: 'S1', text: 'a #sync with a rev already taken but another commit' },
  'already-taken': { rule: 'X6', text: 'an event that was taken before: a repeat inside or from the host' },
  'internal-error': {
    rule: 'G1',
    text: 'judging this frame failed by a fault of the relay; its operator is told',
  },
} as const satisfies Record<string, { rule: string; text: string }>

export type Reason = keyof typeof REASONS

export const REASON_NAMES = Object.keys(REASONS) as Reason[]

/** Reasons for which an event is passed over without anything being wrong: repeats, and what is known already. */
const PASSED_OVER: ReadonlySet<Reason> = new Set<Reason>([
  'already-taken',
  'rev-stale',
  'identity-unchanged',
  'frame-type-unknown',
])

/** Whether a reason tells of something that somebody should mend. */
export function isRejection(reason: Reason): boolean {
  return !PASSED_OVER.has(reason)
}
