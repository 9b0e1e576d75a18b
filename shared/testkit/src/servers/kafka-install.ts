import { createHash } from 'node:crypto'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findCommand, runCommand, ServerMissingError } from './commands.ts'
import { findOrInstall } from './debian-packages.ts'
import { installOnce } from './install-once.ts'
import { createKafkaNode } from './kafka-node.ts'
import { freeKafkaPorts, kafkaProperties } from './kafka-properties.ts'
import { CLUSTER_ID, type KafkaSoftware } from './kafka-software.ts'
import { createServerFolder } from './server-folder.ts'

const SOURCE = fileURLToPath(new URL('./kafka/', import.meta.url))
const POM = 'pom.xml'
const LOG_SETTINGS = 'log4j2.properties'
const OLDEST_JAVA = 17
const DOWNLOAD_MS = 10 * 60_000
const JAVA_MS = 60_000

/** Brings Kafka from Maven Central into a cache outside the tree, once for each pom.xml. */
export async function installKafka(): Promise<KafkaSoftware> {
  const java = await findOrInstall('Java 17 or newer', ['openjdk-17-jre-headless'], findJava)
  const hash = createHash('sha256')
  for (const file of [POM, LOG_SETTINGS]) hash.update(await readFile(join(SOURCE, file)))
  const name = `kafka-${hash.digest('hex').slice(0, 16)}`
  const folder = await installOnce(name, (into) => install(java, into))
  return software(java, folder)
}

function software(java: string, folder: string): KafkaSoftware {
  const jvm = [
    // Halves the time to boot; a JVM of another version goes on without it.
    `-XX:SharedArchiveFile=${archive(folder)}`,
    '-Xms128m',
    '-Xmx512m',
    '-Xlog:disable',
    `-Dlog4j2.configurationFile=${join(folder, LOG_SETTINGS)}`,
    '-cp',
    classPath(folder),
  ]
  return { java, jvm, formatted: join(folder, 'formatted') }
}

async function install(java: string, folder: string): Promise<void> {
  const maven = await findOrInstall('Maven', ['maven'], () => findCommand(['mvn']))
  for (const file of [POM, LOG_SETTINGS]) await copyFile(join(SOURCE, file), join(folder, file))
  await copyJars(maven, folder)
  await format(java, folder)
  await archiveClasses(java, folder)
}

async function copyJars(maven: string, cwd: string): Promise<void> {
  const args = [
    '-q',
    '-B',
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${join(cwd, 'lib')}`,
  ]
  const offline = await runCommand(maven, ['-o', ...args], { cwd, timeout: DOWNLOAD_MS })
  if (offline.error === null) return
  const { error, output } = await runCommand(maven, args, { cwd, timeout: DOWNLOAD_MS })
  if (error !== null)
    throw new ServerMissingError(
      `Maven could not bring Kafka: ${error.message}\n${output.slice(-4_000)}\nIts sources are the repositories of this machine's Maven settings.`,
      { cause: error },
    )
}

async function format(java: string, cwd: string): Promise<void> {
  const settings = join(cwd, 'format.properties')
  const formatted = join(cwd, 'formatted')
  const node = { id: 1, port: 9092, controllerPort: 9093, links: [] }
  await writeFile(settings, kafkaProperties({ node, nodes: [node], dataFolder: formatted, settings: {} }))
  const run = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', settings]
  const { error, output } = await runCommand(java, ['-cp', classPath(cwd), ...run], { timeout: JAVA_MS })
  if (error !== null)
    throw new ServerMissingError(`Kafka's storage format failed: ${output}`, { cause: error })
}

/** Lets a JVM note, at its proper end, which classes a broker loads. */
async function archiveClasses(java: string, folder: string): Promise<void> {
  const { jvm, formatted } = software(java, folder)
  const archiving = { java, jvm: [`-XX:ArchiveClassesAtExit=${archive(folder)}`, ...jvm.slice(1)], formatted }
  await using temporary = createServerFolder('kafka-classes')
  const nodes = await freeKafkaPorts(1)
  for (const node of nodes) {
    const broker = await createKafkaNode(archiving, { node, nodes, folder: temporary.path, settings: {} })
    await broker.start()
    await broker.stop()
  }
}

function classPath(folder: string): string {
  return join(folder, 'lib', '*')
}

function archive(folder: string): string {
  return join(folder, 'classes.jsa')
}

async function findJava(): Promise<string | undefined> {
  const java = findCommand(['java'])
  if (java === undefined) return undefined
  const { output } = await runCommand(java, ['-version'])
  const version = Number(/version "(\d+)/.exec(output)?.[1])
  return version >= OLDEST_JAVA ? java : undefined
}
