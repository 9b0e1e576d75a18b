import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { SimAccount } from './account.ts'
import { sendJson } from './plc.ts'

export interface HostedAccount {
  account: SimAccount
  active: boolean
  status?: string
}

export interface AskedHost {
  readonly accounts: ReadonlyMap<string, HostedAccount>
  readonly hostname: string
  /** Told of each account whose status was given. */
  readonly onStatusAnswer: (did: string) => void
}

const SUBSCRIBE_PATH = '/xrpc/com.atproto.sync.subscribeRepos'

/** The error names by which a host answers for an inactive account (protocol.md section 5). */
const STATUS_ERRORS: Record<string, string> = {
  takendown: 'RepoTakendown',
  suspended: 'RepoSuspended',
  deactivated: 'RepoDeactivated',
  deleted: 'RepoNotFound',
}

/** Reads an upgrade request: the cursor (null = absent), or the HTTP answer that refuses it (Q2, W13). */
export function parseSubscription(url: string): { cursor: number | null } | { refusal: string } {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  if (pathname !== SUBSCRIBE_PATH) return { refusal: refusal(404, 'MethodNotImplemented', 'No such stream') }
  const text = searchParams.get('cursor')
  if (text === null || text === '') return { cursor: null }
  const cursor = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(cursor)) {
    return { refusal: refusal(400, 'InvalidRequest', 'cursor must be a non-negative integer') }
  }
  return { cursor }
}

/** Answers the methods that a relay asks a host for. */
export async function answerXrpc(
  { accounts, hostname, onStatusAnswer }: AskedHost,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://localhost')
  const did = url.searchParams.get('did') ?? ''
  switch (url.pathname) {
    case '/xrpc/_health':
      sendJson(res, 200, { version: 'simnet' })
      return
    case '/xrpc/com.atproto.server.describeServer':
      sendJson(res, 200, { did: 'did:web:localhost', availableUserDomains: [`.${hostname}`], links: {} })
      return
    case '/xrpc/com.atproto.sync.getRepoStatus':
      answerStatus(accounts.get(did), did, res)
      if (accounts.has(did)) onStatusAnswer(did)
      return
    case '/xrpc/com.atproto.sync.getLatestCommit':
      answerRepo(accounts.get(did), res, ({ account }) =>
        sendJson(res, 200, { cid: account.repo.head.toString(), rev: account.repo.rev }),
      )
      return
    case '/xrpc/com.atproto.sync.getRepo': {
      const hosted = accounts.get(did)
      const car = hosted?.active === true ? await hosted.account.exportCar() : new Uint8Array()
      answerRepo(hosted, res, () => {
        res.writeHead(200, { 'Content-Type': 'application/vnd.ipld.car' }).end(car)
      })
      return
    }
    case SUBSCRIBE_PATH:
      sendJson(res, 426, { error: 'InvalidRequest', message: 'Expected a WebSocket upgrade' })
      return
    default:
      sendJson(res, 501, { error: 'MethodNotImplemented', message: 'Method Not Implemented' })
  }
}

function answerStatus(hosted: HostedAccount | undefined, did: string, res: ServerResponse): void {
  if (hosted === undefined) {
    sendJson(res, 400, { error: 'RepoNotFound', message: `Could not find repo for DID: ${did}` })
    return
  }
  const { active, status, account } = hosted
  sendJson(res, 200, {
    did,
    active,
    ...(status === undefined ? {} : { status }),
    ...(active ? { rev: account.repo.rev } : {}),
  })
}

function answerRepo(
  hosted: HostedAccount | undefined,
  res: ServerResponse,
  answer: (hosted: HostedAccount) => void,
): void {
  if (hosted?.active === true) answer(hosted)
  else {
    const error = STATUS_ERRORS[hosted?.status ?? ''] ?? 'RepoNotFound'
    sendJson(res, 400, { error, message: 'The repo is not available' })
  }
}

function refusal(status: number, error: string, message: string): string {
  const body = JSON.stringify({ error, message })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
