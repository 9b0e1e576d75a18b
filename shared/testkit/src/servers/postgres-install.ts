import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { findCommand, ServerMissingError } from './commands.ts'
import { findOrInstall } from './debian-packages.ts'

const DEBIAN_FOLDER = '/usr/lib/postgresql'
/** Debian's package makes a cluster on the default port, which nobody asked for. */
const CREATE_CLUSTER = '/etc/postgresql-common/createcluster.conf'

export interface PostgresSoftware {
  readonly postgres: string
  readonly initdb: string
  /** As whom it runs where this process is root, as whom it refuses to. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}

/** Finds PostgreSQL on the PATH or where Debian puts it, else installs Debian's. */
export async function installPostgres(): Promise<PostgresSoftware> {
  const found = await findOrInstall('PostgreSQL', ['postgresql'], findPostgres, withoutCluster)
  return { ...found, owner: process.getuid?.() === 0 ? unprivilegedUser() : undefined }
}

function findPostgres(): { postgres: string; initdb: string } | undefined {
  const folders = debianFolders()
  const postgres = findCommand(['postgres'], folders)
  if (postgres === undefined) return undefined
  const initdb = findCommand(['initdb'], [dirname(postgres), ...folders])
  return initdb === undefined ? undefined : { postgres, initdb }
}

/** The newest first. */
function debianFolders(): string[] {
  try {
    const versions = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => `${DEBIAN_FOLDER}/${version}/bin`)
  } catch {
    return []
  }
}

async function withoutCluster(): Promise<void> {
  await mkdir(dirname(CREATE_CLUSTER), { recursive: true })
  // Where the file is there already its owner has decided.
  await writeFile(CREATE_CLUSTER, 'create_main_cluster = false\n', { flag: 'wx' }).catch(() => undefined)
}

function unprivilegedUser(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new ServerMissingError(
    'PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody',
  )
}
