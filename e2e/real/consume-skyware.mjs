// A second consumer of another author: @skyware/firehose reads RELAY_URL from CURSOR and says what it was given,
// on one connection.
import { Firehose } from '@skyware/firehose'
import { endWithParent, say } from './line-out.mjs'
import { sayMessage } from './say-message.mjs'

const firehose = new Firehose({
  relay: process.env.RELAY_URL.replace(/^http/, 'ws'),
  cursor: process.env.CURSOR,
  autoReconnect: false,
})
for (const event of ['commit', 'sync', 'identity', 'account', 'info', 'unknown'])
  firehose.on(event, (message) => sayMessage(message, (link) => link))
firehose.on('open', () => say({ type: 'connected' }))
firehose.on('close', () => say({ type: 'disconnected' }))
firehose.on('error', ({ error }) => say({ type: 'error', message: String(error) }))
firehose.on('websocketError', ({ error }) => say({ type: 'error', message: String(error?.message) }))
endWithParent()
say({ type: 'ready' })
firehose.start()
