// The consumer of the reference implementation, with verification of every commit on: @atproto/sync's Firehose
// reads RELAY_URL from CURSOR and says what it was given.
import { IdResolver } from '@atproto/identity'
import { Firehose } from '@atproto/sync'
import { endWithParent, say } from './line-out.mjs'

let cursor = Number(process.env.CURSOR)

/** Where in a chain of causes it went wrong, in one line. */
function reasons(error) {
  const said = []
  for (let at = error; at !== undefined && said.length < 8; at = at.cause) said.push(String(at.message ?? at))
  return said.join(': ')
}

const firehose = new Firehose({
  service: process.env.RELAY_URL,
  // Its own fetch refuses http:// and loopback. Without a cache: an #identity shows the document of now.
  idResolver: new IdResolver({ plcUrl: process.env.PLC_URL, fetch: globalThis.fetch }),
  unauthenticatedCommits: false,
  // A handle under .test cannot be resolved from anywhere: what the DID document says is shown instead.
  unauthenticatedHandles: true,
  subscriptionReconnectDelay: 100,
  maxReconnectSeconds: 1,
  getCursor: () => cursor,
  handleEvent: (event) => {
    cursor = event.seq
    const { seq, did } = event
    if (event.event === 'identity') {
      const handle = event.didDocument?.alsoKnownAs?.[0]?.replace(/^at:\/\//, '')
      say({ type: 'identity', seq, did, handle })
    } else if (event.event === 'account') {
      say({ type: 'account', seq, did, active: event.active, status: event.status })
    } else if (event.event === 'sync') {
      say({ type: 'sync', seq, did, rev: event.rev })
    } else {
      say({
        type: event.event,
        seq,
        did,
        rev: event.rev,
        uri: event.uri.toString(),
        cid: event.cid?.toString(),
      })
    }
  },
  onError: (error) => {
    const lost = error.constructor.name === 'FirehoseSubscriptionError'
    say({ type: lost ? 'disconnected' : 'error', message: reasons(error) })
  },
})
endWithParent()
say({ type: 'ready' })
await firehose.start()
