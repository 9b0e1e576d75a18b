import type { Reason } from './reason.ts'

const SOFTWARE =
  'Update the PDS software, or report this to those who make it: the frame is not as the specification has it.'
const COMMIT =
  'The repository software makes commits that cannot be verified. Update it, or report this to those who make it, with the example.'
const WAIT = 'Nothing: this is looked at again by itself.'
const NOTHING = 'Nothing: no event is missing because of it.'

/** What the operator of a host, or the owner of an account, can do about a rejection, in plain words. */
export const ADVICE: Readonly<Record<Reason, string>> = {
  'message-malformed':
    'Look at what lies between the PDS and the world: a proxy that writes into the stream, or compresses what was not to be. Else report it to those who make the PDS software.',
  'frame-malformed': SOFTWARE,
  'frame-not-canonical': SOFTWARE,
  'frame-over-guard': SOFTWARE,
  'frame-too-large': 'Split the commit: a message may have 5,000,000 bytes.',
  'frame-unfinished': 'Finish each message within five minutes: at 5,000,000 bytes that is 17 KB a second.',
  'frame-text': 'Send binary messages only.',
  'frame-type-unknown': NOTHING,
  'frame-fields': SOFTWARE,
  'seq-not-rising':
    'Give each event a seq above the one before. After a restore from a backup begin well above the last seq that was ever sent.',
  'did-syntax': 'Use the DID in lower case, as it stands in its document.',
  'host-banned': 'Ask the operator of this relay.',
  'host-not-authoritative':
    'The DID document names another PDS. After a migration publish the new PDS in the document, then send an #identity.',
  'identity-not-found': 'Publish the DID, or correct it: the directory does not know it.',
  'identity-tombstoned': 'A DID that was tombstoned has no account any more.',
  'identity-malformed': 'Correct the DID document: it is no valid JSON, or is of another DID.',
  'identity-no-key': 'Add an #atproto signing key to the DID document: a Multikey of P-256 or K-256.',
  'identity-no-pds': 'Add an #atproto_pds service with a plain https URL to the DID document.',
  'identity-unavailable':
    'See that the DID document can be fetched within five seconds; did:web hosts must answer without redirects.',
  'identity-unchanged': NOTHING,
  'identity-hint-limit': 'Only the PDS of an account should send its #identity.',
  'event-limit':
    'Send an #identity or #account only when something has changed. The throttle ends by itself.',
  'account-inactive':
    'If the account should be active, send an #account with active true from its PDS. The status shown here says who called it inactive; what the relay itself throttles ends by itself when the reason does.',
  'too-big-flag': COMMIT,
  'rebase-flag': COMMIT,
  'blocks-size': 'Make smaller commits: the blocks of one may have 2,000,000 bytes.',
  'ops-count': 'Make smaller commits: one may have 200 operations.',
  'rev-syntax': COMMIT,
  'rev-future':
    'Set the clock of the PDS: the rev lies more than five minutes ahead. It passes once its time has come.',
  'rev-stale': NOTHING,
  'time-syntax': SOFTWARE,
  'since-syntax': SOFTWARE,
  'prev-data-missing': 'Update the PDS software to one that sends prevData (Sync 1.1).',
  'car-malformed': COMMIT,
  'car-root': COMMIT,
  'car-block-hash': COMMIT,
  'car-block-count': 'Make smaller commits: one may have 10,000 blocks.',
  'commit-missing': COMMIT,
  'commit-malformed': COMMIT,
  'commit-did': COMMIT,
  'commit-rev': COMMIT,
  'signature-invalid':
    'Sign with the #atproto key of the DID document. After a key rotation publish the document, then send an #identity.',
  'op-shape': COMMIT,
  'op-path': 'Paths are a collection (NSID), a slash and a record key.',
  'op-duplicate': COMMIT,
  'mst-malformed': COMMIT,
  'op-not-in-tree': COMMIT,
  'record-missing': COMMIT,
  'record-size': 'Make the record smaller: it may have 1,000,000 bytes.',
  'record-not-map': 'Records are CBOR maps.',
  'inversion-incomplete':
    'Send the blocks on the paths to each changed key and to its neighbours: without them the commit cannot be undone.',
  'inversion-mismatch': COMMIT,
  'sync-blocks-size': 'A #sync holds the commit block alone.',
  'sync-fork': 'Two commits have the same rev. Make a new commit with a higher one, and send a #sync of it.',
  'already-taken': NOTHING,
  'internal-error': `${WAIT} The operator of this relay has been told.`,
}
