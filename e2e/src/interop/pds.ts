import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { freePort } from '@bgs/testkit/servers/free-port.ts'
import type { RealProcess } from './process.ts'
import type { RunFolder } from './run-folder.ts'

/** What mails with a code are sent for. */
type MailPurpose = 'plc_operation' | 'delete_account'

/** A personal data server of the reference implementation. */
export interface RealPds {
  readonly url: string
  /** As the relay names it. */
  readonly hostname: string
  readonly did: string
  readonly process: RealProcess
  /** The code that would have been mailed to the account: this PDS sends no mail. */
  mailedCode(did: string, purpose: MailPurpose): string
}

/** Starts a PDS with an empty folder that asks the relay at `crawler` to crawl it with its first event. */
export async function startPds(
  folder: RunFolder,
  name: string,
  plcUrl: string,
  crawler: string,
): Promise<RealPds> {
  const port = await freePort()
  const data = join(folder.path, name)
  await mkdir(join(data, 'blobs'), { recursive: true })
  const did = `did:web:localhost%3A${port}`
  const process = await folder.start(
    'pds.mjs',
    {
      PDS_PORT: String(port),
      PDS_HOSTNAME: 'localhost',
      PDS_SERVICE_DID: did,
      PDS_DATA_DIRECTORY: data,
      PDS_BLOBSTORE_DISK_LOCATION: join(data, 'blobs'),
      PDS_DID_PLC_URL: plcUrl,
      PDS_CRAWLERS: crawler,
      PDS_DEV_MODE: 'true',
      PDS_INVITE_REQUIRED: 'false',
      PDS_RATE_LIMITS_ENABLED: 'false',
      PDS_JWT_SECRET: secret(),
      PDS_DPOP_SECRET: secret(),
      PDS_ADMIN_PASSWORD: secret(),
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: secret(),
      LOG_ENABLED: 'true',
      LOG_LEVEL: 'warn',
    },
    undefined,
    name,
  )
  const hostname = `localhost:${port}`
  return {
    url: `http://${hostname}`,
    hostname,
    did,
    process,
    mailedCode: (account, purpose) => mailedCode(join(data, 'account.sqlite'), account, purpose),
  }
}

function mailedCode(database: string, did: string, purpose: MailPurpose): string {
  using open = new DatabaseSync(database, { readOnly: true, timeout: 5_000 })
  const row = open.prepare('SELECT token FROM email_token WHERE did = ? AND purpose = ?').get(did, purpose)
  if (typeof row?.['token'] !== 'string') throw new Error(`no code for ${purpose} of ${did} in ${database}`)
  return row['token']
}

/** 32 bytes: a key of secp256k1 too, but for one chance in 2^128. */
function secret(): string {
  return randomBytes(32).toString('hex')
}
