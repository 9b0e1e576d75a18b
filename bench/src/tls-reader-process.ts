import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { Connection } from '@bgs/crawler/connection.ts'
import { strangersNames } from '@bgs/runtime/net/strangers-names.ts'
import { answerParent } from './child.ts'

let read = 0
let awaited = Number.POSITIVE_INFINITY
let arrived: () => void = () => undefined

const answers = {
  /** The crawler's own connection, which counts frames. */
  crawl: (origin: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const onFrame = () => took(1)
      const connection = new Connection(origin, null, true, false, strangersNames(true), {
        onOpen: resolve,
        onFrame,
        onText: () => undefined,
      })
      void connection.ended.then(({ cause, detail }) => reject(new Error(`${origin}: ${cause}, ${detail}`)))
    }),
  /** So many subscribers, which count bytes. */
  subscribe: async ({ port, tls, count }: { port: number; tls: boolean; count: number }): Promise<void> => {
    const subscribed = Array.from({ length: count }, () => subscribe(port, tls))
    await Promise.all(subscribed)
  },
  /** Resolves when so many frames, or bytes, have come since the last call. */
  reach: (count: number): Promise<void> =>
    new Promise((resolve) => {
      awaited = count
      arrived = resolve
      took(0)
    }),
}

function took(count: number): void {
  read += count
  if (read < awaited) return
  read -= awaited
  awaited = Number.POSITIVE_INFINITY
  arrived()
}

/** The head of the answer is read by itself: nothing is sent before all have subscribed. */
function subscribe(port: number, tls: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = tls ? connectSecurely(port, 'localhost') : connect(port, 'localhost')
    socket.on('error', reject)
    socket.once('data', () => {
      resolve()
      socket.on('data', ({ length }: Buffer) => took(length))
    })
    socket.write(
      [
        'GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1',
        `Host: localhost:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        '\r\n',
      ].join('\r\n'),
    )
  })
}

export type TlsReaderAnswers = typeof answers

answerParent(answers)
