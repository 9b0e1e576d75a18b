import { say } from './line-out.mjs'

const PREFIX = 'com.atproto.sync.subscribeRepos#'

/** Says a message of subscribeRepos, a commit as one line a record. */
export function sayMessage(message, cidText) {
  const { seq, did, rev } = message
  switch (message.$type) {
    case `${PREFIX}commit`:
      for (const { action, path, cid } of message.ops) {
        const uri = `at://${message.repo}/${path}`
        say({ type: action, seq, did: message.repo, rev, uri, cid: cid ? cidText(cid) : undefined })
      }
      break
    case `${PREFIX}identity`:
      say({ type: 'identity', seq, did, handle: message.handle })
      break
    case `${PREFIX}account`:
      say({ type: 'account', seq, did, active: message.active, status: message.status })
      break
    case `${PREFIX}sync`:
      say({ type: 'sync', seq, did, rev })
      break
    case `${PREFIX}info`:
      say({ type: 'info', message: message.name })
      break
    default:
      say({ type: 'error', message: `unknown message ${message.$type}` })
  }
}
