import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalLimits } from '@bgs/api/http/call-limits.ts'
import { createCall } from '@bgs/api/xrpc/call.ts'
import { LocalWakeUps } from '@bgs/contract/bus/wake-ups.ts'
import { SqliteDatabase } from '@bgs/database/sqlite.ts'
import { serve } from '@bgs/fanout/serve/serve.ts'
import { Takedowns } from '@bgs/fanout/takedowns.ts'
import { entry, freeLimits, openLog } from '@bgs/fanout/testing/scene.ts'
import { createLogger } from '@bgs/runtime/service/logger.ts'
import { Registry } from 'prom-client'
import { PropertyError, type Target } from '../target.ts'

const HOST = '127.0.0.1'
const CRAWL = 'com.atproto.sync.requestCrawl'
/** A client that has said all and closed its side is done with by then. */
const ANSWER_MS = 3_000
const KEY = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n'
const SUBSCRIBE = '/xrpc/com.atproto.sync.subscribeRepos'

const REQUESTS: readonly string[] = [
  'GET // HTTP/1.1\r\nhost: relay\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: relay\r\n\r\n',
  'GET /_health HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n',
  'GET /xrpc/com.atproto.sync.listHosts?limit=10&cursor=3 HTTP/1.1\r\nhost: relay\r\n\r\n',
  'GET /xrpc/com.atproto.sync.listRepos?limit=1000&cursor=a HTTP/1.1\r\nhost: relay\r\n\r\n',
  'GET /xrpc/com.atproto.sync.getRepoStatus?did=did:plc:aaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nhost: relay\r\n\r\n',
  'HEAD /xrpc/com.atproto.sync.getLatestCommit?did=did%3Aweb%3Aexample.com HTTP/1.1\r\nhost: relay\r\n\r\n',
  'GET /xrpc/com.atproto.sync.getRepo?did=did:plc:aaaaaaaaaaaaaaaaaaaaaaaa&since=3kabc HTTP/1.0\r\n\r\n',
  'GET /xrpc/com.atproto.sync.getHostStatus?hostname=pds.example.com HTTP/1.1\r\nhost: relay\r\n\r\n',
  'OPTIONS /xrpc/com.atproto.sync.listHosts HTTP/1.1\r\nhost: relay\r\norigin: https://x.example\r\n\r\n',
  `POST /xrpc/${CRAWL} HTTP/1.1\r\nhost: relay\r\ncontent-length: 30\r\n\r\n{"hostname": "pds.example.com"}`,
  `POST /xrpc/${CRAWL} HTTP/1.1\r\nhost: relay\r\ntransfer-encoding: chunked\r\n\r\n12\r\n{"hostname": "a.b"\r\n1\r\n}\r\n0\r\n\r\n`,
  `GET ${SUBSCRIBE}?cursor=0 HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: websocket\r\n${KEY}\r\n`,
  `GET ${SUBSCRIBE} HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: websocket\r\n${KEY}\r\n\x82\x83\0\0\0\0abc\x89\x80\0\0\0\0`,
  `GET ${SUBSCRIBE}?cursor=x HTTP/1.1\r\nhost: relay\r\nconnection: upgrade\r\nupgrade: h2c\r\nx-forwarded-for: 203.0.113.1, ::1\r\n\r\n`,
]

/** The public listener, fed with raw bytes of a socket. Nothing goes out: nobody is asked whether it is a host. */
export async function httpTarget(): Promise<Target> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const database = await SqliteDatabase.open(join(folder, 'state.db'))
  stack.defer(() => database.close())
  const opened = await openLog()
  stack.defer(opened.close)
  await opened.log.append([entry(1), entry(2)])
  const logger = createLogger('silent')
  const call = createCall({
    context: {
      database,
      wakeUps: new LocalWakeUps(),
      limits: new LocalLimits(),
      allowPrivate: false,
      newHosts: { accountLimit: 100, perDay: 50, trustedDomains: [] },
      log: { bounds: () => ({ first: 1, next: 2, evicted: false }) },
      windowHours: 72,
      eventsPerSecond: () => 0,
      now: Date.now,
    },
    databaseAway: () => undefined,
    logger,
  })
  const serving = serve({
    log: opened.log,
    takedowns: new Takedowns(),
    registry: new Registry(),
    logger,
    logLevel: 'silent',
    trustedProxies: [HOST],
    limits: freeLimits(),
    deflate: true,
    notReady: () => undefined,
    call: async (nsid, request) => (nsid === CRAWL ? { status: 200 } : call(nsid, request)),
    threads: 0,
    onFault: (error) => {
      throw error
    },
  })
  stack.defer(() => serving.close())
  const port = await serving.listen(0, HOST)
  const kept = stack.move()
  return {
    seeds: REQUESTS.map((text) => Uint8Array.from(Buffer.from(text, 'latin1'))),
    look: async (input) => {
      const status = await exchange(port, input)
      if (status === '500') throw new PropertyError('a fault of our own: HTTP 500')
      return status
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Sends bytes and closes that side; resolves to the first status, once the listener has closed the other one. */
function exchange(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = ''
    const socket = connect(port, HOST, () => socket.end(bytes))
    const late = setTimeout(() => {
      socket.destroy()
      reject(new PropertyError(`the socket is still open after ${ANSWER_MS} ms: ${head}`))
    }, ANSWER_MS)
    socket.on('data', (data) => {
      if (head.length < 12) head += data.toString('latin1', 0, 12)
    })
    // A reset is an end, too.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(late)
      resolve(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 'closed')
    })
  })
}
