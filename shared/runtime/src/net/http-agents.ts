import { promises as dns } from 'node:dns'
import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { connectOut } from './guard.ts'

/** Sockets are kept for the next request for so long. */
const IDLE = { keepAlive: true, timeout: 5_000 } as const

/** What a request says of the way out: the addresses that were looked up and checked for it, and when it gives up. */
export type OutgoingOptions = ClientRequestArgs & { addresses?: readonly string[]; givenUp?: AbortSignal }
type Done = (error: Error | null, socket: Duplex) => void

/** An agent for each kind of trust: a socket that was opened for one is never used for another. */
export interface Agents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

/** Agents whose sockets go to the first of the request's addresses that answers. */
export function newAgents(): Agents {
  return { http: new PlainAgent(IDLE), https: new TlsAgent(IDLE) }
}

class PlainAgent extends HttpAgent {
  override createConnection(options: OutgoingOptions, done: Done): undefined {
    open(options, undefined, done)
  }
}

class TlsAgent extends HttpsAgent {
  override createConnection(options: OutgoingOptions & ConnectionOptions, done: Done): undefined {
    open(options, { ALPNProtocols: ['http/1.1'], ...options }, done)
  }
}

function open(options: OutgoingOptions, tls: ConnectionOptions | undefined, done: Done): void {
  const host = options.host ?? ''
  void connect(host, options, tls).then(
    (socket) => done(null, socket),
    (error: Error) => done(error, undefined as never),
  )
}

/** What an operator named is looked up as the machine does it: search domains, nsswitch, all that it is set up with. */
async function connect(
  host: string,
  { port, addresses: known, givenUp }: OutgoingOptions,
  tls: ConnectionOptions | undefined,
): Promise<Duplex> {
  const addresses = known ?? (await dns.lookup(host, { all: true })).map(({ address }) => address)
  return connectOut({ host, port: Number(port), addresses, ...(tls === undefined ? {} : { tls }) }, givenUp)
}
