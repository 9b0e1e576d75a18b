// A consumer of another author: @atcute/firehose, with every message checked against the lexicon, reads RELAY_URL
// from CURSOR and says what it was given.
import { ComAtprotoSyncSubscribeRepos } from '@atcute/atproto'
import { FirehoseSubscription } from '@atcute/firehose'
import { endWithParent, say } from './line-out.mjs'
import { sayMessage } from './say-message.mjs'

let cursor = Number(process.env.CURSOR)

const subscription = new FirehoseSubscription({
  service: process.env.RELAY_URL,
  nsid: ComAtprotoSyncSubscribeRepos.mainSchema,
  params: () => ({ cursor }),
  validateEvents: true,
  onConnectionOpen: () => say({ type: 'connected' }),
  onConnectionClose: ({ code, reason }) => say({ type: 'disconnected', message: `${code} ${reason}` }),
  onError: (error) => say({ type: 'error', message: String(error) }),
  ws: { minReconnectionDelay: 100, maxReconnectionDelay: 500 },
})
endWithParent()
say({ type: 'ready' })
for await (const message of subscription) {
  if (message.seq !== undefined) cursor = message.seq
  sayMessage(message, (link) => link.$link)
}
